"""Everything that accounts can do; entry points call these and nothing else."""

from nexus.accounts.services.login import check_credentials
from nexus.accounts.services.profile import change_profile, erase_customer, sign_out_everywhere
from nexus.accounts.services.registration import announce, register_customer
from nexus.accounts.services.tokens import (
    TokenPair,
    forget_expired_tokens,
    issue_access_token,
    issue_refresh_token,
    issue_tokens,
    refresh_tokens,
    revoke_tokens,
)

__all__ = [
    "TokenPair",
    "announce",
    "change_profile",
    "check_credentials",
    "erase_customer",
    "forget_expired_tokens",
    "issue_access_token",
    "issue_refresh_token",
    "issue_tokens",
    "refresh_tokens",
    "register_customer",
    "revoke_tokens",
    "sign_out_everywhere",
]
