"""Settings of a library plugin: read at the start, and available to its routes."""

from pydantic import BaseModel, ConfigDict, Field

from quartapp import core, hookimpl


class LibrarySettings(BaseModel):
    """``[plugins.library]`` in quartapp.toml, or ``QUARTAPP_LIBRARY_*``."""

    model_config = ConfigDict(extra="forbid")  # a misspelt setting stops the server

    opens_at: int = Field(8, ge=0, le=23)
    closes_at: int = Field(18, ge=1, le=24)


class LibraryPlugin:
    """Adds settings."""

    name = "library"

    @hookimpl
    def register_settings(self):
        return LibrarySettings

    @hookimpl
    def startup(self, app):
        self.settings = core(app).services.get(LibrarySettings)
