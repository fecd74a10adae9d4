"""Alembic's configuration in code: no alembic.ini, so that the installed package needs no file beside it."""

from pathlib import Path

from alembic.config import Config

from appliance.base.settings import Settings

FOLDER = Path(__file__).resolve().parent


def alembic_config(settings: Settings) -> Config:
    """For `alembic.command`; `env.py` takes the settings from the attributes."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(rev)s_%%(slug)s")
    config.attributes["settings"] = settings
    return config
