"""Run the compiler: `python -m compiler`."""

from runtime.service import run_service

from compiler.app import run
from compiler.settings import Settings

if __name__ == "__main__":
    run_service(run(Settings()))
