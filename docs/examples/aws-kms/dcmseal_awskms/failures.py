"""Translates errors of boto3 and KMS into errors of dcmseal, each with a message and a hint."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, TypeAlias

from dcmseal.plugins import DeviceUnavailable, KeyNotFound, MechanismUnavailable, SealError, SignerError, UsageError

_Description: TypeAlias = tuple[type[SealError], str, str]
_CODE: Final = re.compile("[A-Za-z.]{1,64}")
_LOG_IN = "log in again (aws sso login), or check AWS_PROFILE and the credentials in the environment or in ~/.aws"
_WAIT = "try again later; if it happens often, sign fewer files at once, or request a higher quota"
_NETWORK = "check the network, the proxy, the region and https://health.aws.amazon.com"

_REFUSED = (SignerError, "AWS rejects the credentials", _LOG_IN)
_BUSY = (DeviceUnavailable, "AWS KMS is throttling requests", _WAIT)
_UNREACHABLE = (DeviceUnavailable, "AWS KMS cannot be reached", _NETWORK)
_NO_KEY = (
    KeyNotFound,
    "the key does not exist in this AWS account and region",
    "check ID or alias, and the region; aws kms list-aliases lists them",
)
_FORBIDDEN = (
    SignerError,
    "these credentials are not allowed to use the key in AWS KMS",
    "allow kms:GetPublicKey and kms:Sign in the policy of the key",
)
_DISABLED = (
    SignerError,
    "the key in AWS KMS is disabled, or scheduled for deletion",
    "enable the key; aws kms describe-key shows its state",
)
_NOT_FOR_SIGNING = (
    MechanismUnavailable,
    "the key in AWS KMS is not for signing",
    "use an asymmetric key with key usage SIGN_VERIFY",
)
_NONSENSE = (
    SignerError,
    "boto3 cannot parse the response of AWS KMS",
    "check for a proxy that changes responses of AWS",
)

_BY_CODE: Final[dict[str, _Description]] = {
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
_BY_TYPE: Final[dict[str, _Description]] = {
    "ConfigParseError": (UsageError, "the AWS configuration is invalid", "check ~/.aws/config"),
    "CredentialRetrievalError": _REFUSED,
    "NoCredentialsError": (SignerError, "AWS credentials are missing", _LOG_IN),
    "NoRegionError": (
        UsageError,
        "the region of the key is unknown",
        "add region= to the key URI, or set AWS_DEFAULT_REGION",
    ),
    "PartialCredentialsError": _REFUSED,
    "ProfileNotFound": (
        UsageError,
        "the AWS configuration lacks this profile",
        "aws configure list-profiles lists the profiles",
    ),
    "SSOTokenLoadError": _REFUSED,
    "TokenRetrievalError": _REFUSED,
    "UnauthorizedSSOTokenError": _REFUSED,
}


@contextmanager
def translate_errors() -> Generator[None]:
    """Turn errors of boto3 into errors of dcmseal, without chaining them: they contain identities and requests."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        kind, message, hint = _describe_error(error)
        raise kind(message, hint=hint) from None


def _describe_error(error: Exception) -> _Description:
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _describe_kms_error(error.response)
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return _UNREACHABLE
    if not isinstance(error, exceptions.BotoCoreError):
        return _NONSENSE
    name = type(error).__name__
    return _BY_TYPE.get(name, (SignerError, f"boto3 failed with {name}", "see the documentation of boto3"))


def _describe_kms_error(response: object) -> _Description:
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
    return SignerError, f"AWS KMS returned {plain}", "look it up in the reference of the AWS KMS API"
