"""Settings of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from quartapp.settings.core import Settings, _prefix, explain
from quartapp.settings.files import ENV_FILE, SettingsFileError, read_toml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from quartapp.plugin import LoadedPlugin


def load_plugin_settings(plugin: str, model: type[BaseModel]) -> BaseModel:
    """Load a plugin's settings from quartapp.toml and the variables ``QUARTAPP_<PLUGIN>_*``.

    Args:
        plugin: Name of the plugin.
        model: Model of the plugin's settings.

    Raises:
        SettingsFileError: One message that names the plugin and each bad setting.
    """
    table = _plugin_tables(read_toml()).get(plugin, {})
    prefix = _prefix(plugin)

    class FromEnvironment(model, BaseSettings):  # type: ignore[valid-type, misc]
        model_config = SettingsConfigDict(env_prefix=prefix, env_file=ENV_FILE, extra="ignore")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = InitSettingsSource(settings_cls, init_kwargs=table)
            return env_settings, dotenv_settings, toml

    try:
        values = FromEnvironment().model_dump(exclude_unset=True)
        return model.model_validate({**table, **values})
    except ValidationError as error:
        raise SettingsFileError(f"plugin {plugin}: {explain(error, prefix)}") from error
    except SettingsError as error:
        raise SettingsFileError(f"plugin {plugin}: {error}") from error


class OwnedNames:
    """The owner of each setting, by environment variable and by settings model."""

    def __init__(self) -> None:
        self._owners = {
            f"QUARTAPP_{name.upper()}": "quartapp itself" for name in Settings.model_fields
        }
        self._models: dict[type[BaseModel], str] = {}

    def take(self, owner: LoadedPlugin, model: type[BaseModel]) -> None:
        """Record a plugin as the owner of its settings.

        Args:
            owner: The plugin.
            model: Model of the plugin's settings.

        Raises:
            SettingsFileError: Another plugin or the core owns the model or one of the variables.
        """
        claim = f"plugin {owner}"
        other = self._models.setdefault(model, claim)
        if other is not claim:
            raise SettingsFileError(
                f"settings {model.__name__} are brought by both {other} and {claim}"
            )
        for field in model.model_fields:
            name = _prefix(owner.name) + field.upper()
            other = self._owners.setdefault(name, claim)
            if other is not claim:
                raise SettingsFileError(f"setting {name} is brought by both {other} and {claim}")


def _plugin_tables(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    plugins = document.get("plugins", {})
    if isinstance(plugins, list):
        return {}
    return {name: table for name, table in plugins.items() if isinstance(table, dict)}
