"""Where all tables are listed."""

from typing import Final

from sqlalchemy import MetaData

SCHEMA: Final = MetaData()
