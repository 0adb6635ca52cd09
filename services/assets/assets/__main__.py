"""`python -m assets`: run the asset store with settings from the environment."""

from runtime.service import run_service

from assets.app import run
from assets.settings import Settings

if __name__ == "__main__":
    run_service(run(Settings()))
