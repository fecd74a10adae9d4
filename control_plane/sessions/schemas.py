"""Logging in, on the wire."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.base.ids import public_id
from control_plane.access.domain import Principal, Role


class LoginRequest(BaseModel):
    """`name` or `email`, and the password."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=320)
    email: str | None = Field(None, max_length=320)
    password: str = Field(max_length=1024)

    @model_validator(mode="after")
    def check_login(self) -> "LoginRequest":
        if not self.login:
            raise ValueError("give a name or an email")
        return self

    @property
    def login(self) -> str:
        return self.name or self.email or ""


class SessionAnswer(BaseModel):
    """Who is logged in."""

    object: Literal["session"] = "session"
    user_id: str
    name: str
    role: Role


def session_answer(principal: Principal) -> SessionAnswer:
    assert principal.user_id is not None
    assert principal.role is not None
    return SessionAnswer(user_id=public_id("user", principal.user_id), name=principal.name, role=principal.role)
