"""Every setting that the local stack sets exists in the service that it is set for."""

import importlib
from collections.abc import Iterator

import pytest
from local_stack.layout import CATALOG
from local_stack.services import COMMON, Service, services_of
from pydantic_settings import BaseSettings


def settings_classes(service: Service) -> Iterator[type[BaseSettings]]:
    module = importlib.import_module(f"{service.module.partition('.')[0]}.settings")
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, BaseSettings):
            yield found


@pytest.mark.parametrize("service", services_of(CATALOG), ids=lambda service: service.name)
def test_every_setting_of_the_table_is_one_of_the_service(service: Service) -> None:
    known = {
        name.upper()
        for settings in settings_classes(service)
        if settings.model_config.get("env_prefix") == service.prefix
        for name in settings.model_fields
    }
    assert known >= set(COMMON) | set(service.settings)
