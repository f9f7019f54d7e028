"""What S3 says when it will not, in our words: what was asked, what is missing, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from loadtests.errors import InputError, RunError, SurgecastError
from surgecast.store.address import Address, shown

ACTIONS: Final = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListParts": "s3:ListMultipartUploadParts",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}
"""The IAM action of each call that is made, and no other call is (Service Authorization Reference, Amazon S3, 2026-11).
A missing object is told from a forbidden one only with s3:ListBucket."""


class Interrupted(SurgecastError):  # noqa: N818 - an answer, not a fault
    """The line, or the store, gave way: what was transferred stays, and another try goes on there."""


class Taken(RunError):  # noqa: N818 - an answer, not a fault
    """Something else lies there already."""


class Gone(SurgecastError):  # noqa: N818 - an answer, not a fault
    """An upload that was begun is known no longer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What some error codes of S3 come to (API reference, ErrorResponses.html, 2026-11)."""

    codes: tuple[str, ...]
    kind: type[SurgecastError]
    message: str
    hint: str


REFUSALS: Final = (
    Refusal(
        ("AccessDenied", "403", "Forbidden", "AllAccessDisabled"),
        InputError,
        "{place}: access denied ({operation}): {text}",
        "allow {action} there (docs/store.md has the policy), or choose other credentials with AWS_PROFILE",
    ),
    Refusal(("NoSuchKey",), RunError, "{place}: its manifest names it, and it is not there", "push the run again"),
    Refusal(
        ("NoSuchBucket",), InputError, "{place}: bucket {bucket} does not exist", "is it spelled otherwise? create it"
    ),
    Refusal(
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
        InputError,
        "{place}: the credentials are refused: {code}",
        "renew them, or choose others with AWS_PROFILE",
    ),
    Refusal(
        ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        InputError,
        "{place}: bucket {bucket} is in {region}",
        "set AWS_DEFAULT_REGION to its region",
    ),
    Refusal(("RequestTimeTooSkewed",), InputError, "{place}: this machine's clock is wrong", "set it, by NTP"),
    Refusal(("PreconditionFailed", "ConditionalRequestConflict"), Taken, "{place}: changed meanwhile", "call it again"),
    Refusal(("NoSuchUpload",), Gone, "{place}: the upload is known no longer", "call it again: it begins anew"),
    Refusal(
        ("InvalidRange", "416"),
        RunError,
        "{place}: shorter than its manifest says",
        "push the run again from where it was made",
    ),
    Refusal(
        ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"),
        Interrupted,
        "{place}: arrived damaged ({code})",
        "call it again",
    ),
    Refusal(
        ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504"),
        Interrupted,
        "{place}: {code}: {text}",
        "call it again later: it goes on where it was",
    ),
)
OTHER: Final = Refusal(
    (), SurgecastError, "{place}: {operation} failed: {code}: {text}", "docs/store.md says what a store is asked for"
)


@contextmanager
def translated(place: Address) -> Iterator[None]:
    """Raises SurgecastError in place of botocore's own."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise refused(error.response, error.operation_name, place) from error
    except BotoCoreError as error:
        raise _unasked(error, place) from error


def refused(answer: Any, operation: str, place: Address) -> SurgecastError:
    """The store answered, and said no. ``answer`` is botocore's ``ClientError.response``."""
    told = answer.get("Error", {})
    code = str(told.get("Code", ""))
    found = next((one for one in REFUSALS if code in one.codes), OTHER)
    values = {
        "place": place,
        "bucket": place.bucket,
        "code": shown(code),
        "operation": operation,
        "action": ACTIONS.get(operation, operation),
        "text": shown(" ".join(str(told.get("Message", "")).split())) or "no reason given",
        "region": shown(told.get("Region") or _headers(answer).get("x-amz-bucket-region") or "another region"),
    }
    return found.kind(found.message.format(**values), hint=found.hint.format(**values))


def _headers(answer: Any) -> dict[str, str]:
    return dict(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}))


def _unasked(error: Exception, place: Address) -> SurgecastError:
    """No answer came: no credentials, no such profile, no connection."""
    from botocore import exceptions as known

    text = shown(" ".join(str(error).split()))
    nobody = (known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError)
    if isinstance(error, (*nobody, known.TokenRetrievalError, known.SSOError)):
        return InputError(
            f"{place}: no AWS credentials: {text}",
            hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login",
        )
    if isinstance(error, known.SSLError):
        return InputError(f"{place}: {text}", hint="a proxy with its own authority? set AWS_CA_BUNDLE")
    if isinstance(error, (known.ConnectionError, known.HTTPClientError, known.IncompleteReadError)):
        return Interrupted(f"{place}: {text}", hint="call it again: it goes on where it was")
    return InputError(f"{place}: {text}", hint="AWS settings come from the environment: docs/store.md")
