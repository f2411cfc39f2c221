"""What boto3 and KMS report, in words of dcmseal: a kind of error, what happened, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, TypeAlias

from dcmseal.plugins import DeviceUnavailable, KeyNotFound, MechanismUnavailable, SealError, SignerError, UsageError

_Words: TypeAlias = tuple[type[SealError], str, str]
_CODE: Final = re.compile("[A-Za-z.]{1,64}")
_LOG_IN = "log in again (aws sso login), or check AWS_PROFILE and the credentials in the environment or in ~/.aws"
_WAIT = "try again later; if it happens often, sign fewer files at once, or have the quota raised"
_NETWORK = "check the network, the proxy, the region and https://health.aws.amazon.com"

_REFUSED = (SignerError, "AWS does not accept the credentials", _LOG_IN)
_BUSY = (DeviceUnavailable, "AWS KMS takes no more requests at the moment", _WAIT)
_UNREACHABLE = (DeviceUnavailable, "AWS KMS cannot be reached", _NETWORK)
_NO_KEY = (
    KeyNotFound,
    "AWS KMS has no such key in this account and region",
    "check the id or alias, and the region: aws kms list-aliases shows them",
)
_FORBIDDEN = (
    SignerError,
    "AWS KMS does not let these credentials use the key",
    "have kms:GetPublicKey and kms:Sign allowed by the policy of the key",
)
_DISABLED = (
    SignerError,
    "the key in AWS KMS is disabled, or is to be deleted",
    "have the key enabled: aws kms describe-key shows its state",
)
_NOT_FOR_SIGNING = (
    MechanismUnavailable,
    "the key in AWS KMS is not made for signing",
    "use an asymmetric key of usage SIGN_VERIFY",
)
_NONSENSE = (
    SignerError,
    "AWS KMS answered what boto3 cannot read",
    "check that nothing between you and AWS answers for it",
)

_BY_CODE: Final[dict[str, _Words]] = {
    "AccessDeniedException": _FORBIDDEN,
    "DependencyTimeoutException": _UNREACHABLE,
    "DisabledException": _DISABLED,
    "ExpiredTokenException": _REFUSED,
    "IncompleteSignature": _REFUSED,
    "InternalFailure": _UNREACHABLE,
    "InvalidArnException": _NO_KEY,
    "InvalidClientTokenId": _REFUSED,
    "InvalidKeyUsageException": _NOT_FOR_SIGNING,
    "InvalidSignatureException": _REFUSED,
    "KMSInternalException": _UNREACHABLE,
    "KMSInvalidStateException": _DISABLED,
    "KeyUnavailableException": _UNREACHABLE,
    "LimitExceededException": _BUSY,
    "NotFoundException": _NO_KEY,
    "RequestExpired": _REFUSED,
    "ServiceUnavailable": _UNREACHABLE,
    "ThrottlingException": _BUSY,
    "UnrecognizedClientException": _REFUSED,
    "UnsupportedOperationException": _NOT_FOR_SIGNING,
}
_BY_TYPE: Final[dict[str, _Words]] = {
    "ConfigParseError": (UsageError, "the AWS configuration cannot be read", "look at ~/.aws/config"),
    "CredentialRetrievalError": _REFUSED,
    "NoCredentialsError": (SignerError, "there are no credentials for AWS", _LOG_IN),
    "NoRegionError": (
        UsageError,
        "the region of the key is not known",
        "add region= to the key URI, or set AWS_DEFAULT_REGION",
    ),
    "PartialCredentialsError": _REFUSED,
    "ProfileNotFound": (
        UsageError,
        "the AWS configuration has no such profile",
        "aws configure list-profiles shows them",
    ),
    "SSOTokenLoadError": _REFUSED,
    "TokenRetrievalError": _REFUSED,
    "UnauthorizedSSOTokenError": _REFUSED,
}


@contextmanager
def in_words_of_dcmseal() -> Generator[None]:
    """Turn errors of boto3 into those of dcmseal; tracebacks do not show them: they name identities and requests."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        kind, message, hint = _words_for(error)
        raise kind(message, hint=hint) from None


def _words_for(error: Exception) -> _Words:
    from botocore import exceptions as of_boto3

    if isinstance(error, of_boto3.ClientError):
        return _told_by_kms(error.response)
    if isinstance(error, (of_boto3.ConnectionError, of_boto3.HTTPClientError)):
        return _UNREACHABLE
    if not isinstance(error, of_boto3.BotoCoreError):
        return _NONSENSE
    name = type(error).__name__
    return _BY_TYPE.get(name, (SignerError, f"boto3 failed with {name}", "see the documentation of boto3"))


def _told_by_kms(response: object) -> _Words:
    match response:
        case {"Error": {"Code": str(code)}, "ResponseMetadata": {"HTTPStatusCode": int(status)}}:
            pass
        case _:
            code, status = "", 0
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status >= 500:
        return _UNREACHABLE
    plain = code if _CODE.fullmatch(code) else "an error without a code"
    return SignerError, f"AWS KMS answered {plain}", "look it up in the reference of the AWS KMS API"
