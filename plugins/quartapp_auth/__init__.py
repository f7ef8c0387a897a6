"""Accounts: registration, sign-in, and who somebody is.

What is exported here is public; the modules below are internal.
"""

from quartapp_auth.bulk import AccountEntry, BulkAccounts
from quartapp_auth.errors import EmailTakenError, UserNotFoundError, WrongPasswordError
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.models import User
from quartapp_auth.roles import BaseRole
from quartapp_auth.schemas import EMAIL, Credentials, RegisteredRole, Registration, TokenAnswer
from quartapp_auth.service import Contact, UserService

__all__ = [
    "EMAIL",
    "AccountEntry",
    "BaseRole",
    "BulkAccounts",
    "Contact",
    "Credentials",
    "EmailTakenError",
    "RegisteredRole",
    "Registration",
    "TokenAnswer",
    "User",
    "UserNotFoundError",
    "UserRegistered",
    "UserService",
    "WrongPasswordError",
]
