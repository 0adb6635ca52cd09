"""Run the notifier: `python -m notifier`."""

from runtime.service import run_service

from notifier.app import run
from notifier.settings import Settings

if __name__ == "__main__":
    run_service(run(Settings()))
