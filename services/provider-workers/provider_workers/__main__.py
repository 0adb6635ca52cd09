"""`python -m provider_workers`: run one vendor's worker with settings from the environment."""

from runtime.service import run_service

from provider_workers.app import run
from provider_workers.settings import Settings

if __name__ == "__main__":
    run_service(run(Settings()))
