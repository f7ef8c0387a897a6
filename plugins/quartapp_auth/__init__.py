"""Accounts: registration, sign-in, and the identity of users.

The names exported here are public; the modules below are internal.
"""

from quartapp_auth.accounts.bulk import AccountEntry, BulkAccounts
from quartapp_auth.accounts.letters import Letters, Writer
from quartapp_auth.accounts.people import People
from quartapp_auth.accounts.store import UserStore
from quartapp_auth.accounts.users import AccountState, Contact, User, UserChanges, username_key
from quartapp_auth.administration.administration import Administration
from quartapp_auth.administration.schemas import RoleBody
from quartapp_auth.credentials.codes import OneTimeCode
from quartapp_auth.credentials.first import FirstCredentials, Handout
from quartapp_auth.credentials.forgotten import ForgottenPasswords, ResetMail
from quartapp_auth.credentials.password_change import PasswordChange
from quartapp_auth.credentials.resets import Resets
from quartapp_auth.errors import (
    UNFIT_PASSWORDS,
    AccountDisabledError,
    EmailTakenError,
    IdentityRefusedError,
    InvalidCodeError,
    InvalidSetupCodeError,
    InvitationNeededError,
    InvitationNotFoundError,
    InvitationUsedError,
    LastAdministratorError,
    NoMailError,
    RegistrationClosedError,
    SetupRefusedError,
    TooManyFailuresError,
    UnfitPasswordError,
    UnknownRoleError,
    UserNotFoundError,
    WrongPasswordError,
)
from quartapp_auth.happenings import UserRegistered
from quartapp_auth.registering.invitations import Invitation, Invitations
from quartapp_auth.registering.registrations import Registrations
from quartapp_auth.registering.rule import RegistrationRule
from quartapp_auth.registering.setup import Setup
from quartapp_auth.registering.setup_notice import SetupNotice
from quartapp_auth.roles import BaseRole
from quartapp_auth.schemas import (
    EMAIL,
    Credentials,
    ForgottenBody,
    InvitationBody,
    NewAccount,
    PasswordChangeBody,
    RegisteredRole,
    Registration,
    ResetBody,
    SetupBody,
    TokenAnswer,
    UserAnswer,
)
from quartapp_auth.service import UserService
from quartapp_auth.signing_in.sign_out import SignOut

__all__ = [
    "EMAIL",
    "UNFIT_PASSWORDS",
    "AccountDisabledError",
    "AccountEntry",
    "AccountState",
    "Administration",
    "BaseRole",
    "BulkAccounts",
    "Contact",
    "Credentials",
    "EmailTakenError",
    "FirstCredentials",
    "ForgottenBody",
    "ForgottenPasswords",
    "Handout",
    "IdentityRefusedError",
    "InvalidCodeError",
    "InvalidSetupCodeError",
    "Invitation",
    "InvitationBody",
    "InvitationNeededError",
    "InvitationNotFoundError",
    "InvitationUsedError",
    "Invitations",
    "LastAdministratorError",
    "Letters",
    "NewAccount",
    "NoMailError",
    "OneTimeCode",
    "PasswordChange",
    "PasswordChangeBody",
    "People",
    "RegisteredRole",
    "Registration",
    "RegistrationClosedError",
    "RegistrationRule",
    "Registrations",
    "ResetBody",
    "ResetMail",
    "Resets",
    "RoleBody",
    "Setup",
    "SetupBody",
    "SetupNotice",
    "SetupRefusedError",
    "SignOut",
    "TokenAnswer",
    "TooManyFailuresError",
    "UnfitPasswordError",
    "UnknownRoleError",
    "User",
    "UserAnswer",
    "UserChanges",
    "UserNotFoundError",
    "UserRegistered",
    "UserService",
    "UserStore",
    "Writer",
    "WrongPasswordError",
    "username_key",
]
