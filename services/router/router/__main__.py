"""Run the router: `python -m router`."""

from runtime.service import run_service

from router.app import run
from router.settings import Settings

if __name__ == "__main__":
    run_service(run(Settings()))
