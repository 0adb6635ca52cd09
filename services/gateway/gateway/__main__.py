"""Run the HTTP gateway: `python -m gateway`."""

from runtime.service import run_service

from gateway.app import run
from gateway.settings import GatewaySettings

if __name__ == "__main__":
    run_service(run(GatewaySettings()))
