"""An AWS account as a profile or a role opens it: descriptions, lists and figures, page by page, and nothing else.

boto3 knows credentials, profiles, regions and retries; its answers are taken as plain values. Any operation that does
not describe, list or get is refused here, before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from loadtests.errors import InputError

if TYPE_CHECKING:
    from boto3.session import Session

HOME: Final = "us-east-1"
"""Where AWS keeps what has no region: identities, CloudFront and its metrics, prices."""
CONNECT: Final = 5
READ: Final = 30
"""Seconds."""
TRIES: Final = 6
"""How often a call is made where AWS is busy or not there; botocore's standard mode waits in between, 20 s at most."""
READS: Final = ("describe_", "get_", "list_")
INSTALL: Final = "install it with: pip install 'surgecast[cloud]'"
REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}")
SESSION_NAME: Final = "surgecast-reads"

Kind: TypeAlias = Literal["denied", "closed", "expired", "no_credentials", "busy", "unreachable", "absent", "failed"]
"""Why there is no answer: a permission is missing; the region is not enabled for the account; the credentials are too
old; there are none; AWS is busy; it cannot be reached; the region has not got the service; anything else."""

CODES: Final[Mapping[Kind, frozenset[str]]] = {
    "denied": frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}),
    "closed": frozenset(
        {
            "AuthFailure",
            "InvalidClientTokenId",
            "OptInRequired",
            "RegionDisabledException",
            "SubscriptionRequiredException",
            "UnrecognizedClientException",
        }
    ),
    "expired": frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"}),
    "busy": frozenset(
        {
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
        }
    ),
}
"""Error codes of AWS. Credentials that the account knows are refused as unknown in a region that is not enabled."""
IAM_NAMES: Final[Mapping[str, str]] = {"service-quotas": "servicequotas"}
"""What IAM calls a service, where that is not the client's name."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """AWS said no, or nothing."""

    def __init__(self, kind: Kind, action: str, region: str, why: str) -> None:
        super().__init__(why)
        self.kind: Kind = kind
        self.action, self.region = action, region


@dataclass(frozen=True, slots=True)
class Who:
    """Whose account it is, as AWS says."""

    account: str
    arn: str


@dataclass(slots=True)
class Aws:
    """A session that reads."""

    session: Session = field(repr=False)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def one(self, service: str, region: str, operation: str, /, **asked: object) -> dict[str, Any]:
        """One answer. Raises `Refused`."""
        with _refusals(self, service, region, operation):
            answer = getattr(self._client(service, region), operation)(**asked)
        return dict(answer)

    def every(self, service: str, region: str, operation: str, key: str, /, **asked: object) -> Iterator[Any]:
        """What every page of a list has under a dotted ``key``. Raises `Refused`."""
        with _refusals(self, service, region, operation):
            for page in self._client(service, region).get_paginator(operation).paginate(**asked):
                found: Any = page
                for name in key.split("."):
                    found = (found or {}).get(name)
                yield from found or ()

    def who(self) -> Who:
        """Whose credentials these are. Raises `Refused`; nothing need be permitted for it."""
        answer = self.one("sts", HOME, "get_caller_identity")
        return Who(str(answer["Account"]), str(answer["Arn"]))

    def places(self) -> dict[str, str]:
        """Regions by what AWS calls them in words, such as ``Asia Pacific (Seoul)``; by botocore's own list."""
        from botocore.session import Session

        partitions = Session().get_data("endpoints")["partitions"]
        return {str(told["description"]): str(code) for one in partitions for code, told in one["regions"].items()}

    def quotas(self, region: str) -> Any:
        """The client of Service Quotas, for `advisor.clouds.asking` alone: it may ask for more."""
        return self._client("service-quotas", region)

    def knows(self, service: str, region: str) -> bool:
        """Whether botocore's own list says that the region has the service; one without regions has `HOME`."""
        from botocore.exceptions import UnknownRegionError

        try:
            partition = self.session.get_partition_for_region(region)
        except UnknownRegionError:
            return False
        return region in (self.session.get_available_regions(service, partition_name=partition) or [HOME])

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            from botocore.config import Config

            retries = {"mode": "standard", "total_max_attempts": TRIES}
            config = Config(connect_timeout=CONNECT, read_timeout=READ, retries=retries, user_agent_extra="surgecast")
            try:
                self._clients[service, region] = self.session.client(service, region_name=region, config=config)
            except ValueError as error:  # botocore's word for an address that is none
                raise InputError(_short(error), hint="look at AWS_ENDPOINT_URL") from error
        return self._clients[service, region]


def region_names(named: Iterable[str]) -> tuple[str, ...]:
    """AWS regions as they were named, sorted, none twice; InputError where one cannot be a region."""
    for name in (found := tuple(sorted(set(named)))):
        if not REGION.fullmatch(name):
            raise InputError(f"there is no AWS region {name!r}", hint="name regions such as ap-southeast-3")
    return found


def login(profile: str = "", role: str = "") -> Aws:
    """A session of a profile (without one: as the AWS command line finds credentials), or of a role that it may take.

    Asks AWS nothing unless there is a role. InputError where boto3 is missing or there is no such profile; raises
    `Refused` where the role is not given.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise InputError("boto3 is not installed", hint=INSTALL) from error
    try:
        session = boto3.session.Session(profile_name=profile or None)
    except BotoCoreError as error:
        named = f"--profile {profile}" if profile else "AWS_PROFILE, AWS_CONFIG_FILE"
        raise InputError(f"{named}: {_short(error)}", hint=f"profiles that are there: {_profiles()}") from error
    return _assumed(Aws(session), role) if role else Aws(session)


def errors() -> tuple[type[Exception], ...]:
    """What a client raises where AWS says no, or nothing."""
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


def _profiles() -> str:
    """By name; none where the files of the AWS command line cannot be read either."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        return ", ".join(Session().available_profiles) or "none"
    except BotoCoreError:
        return "none"


def _assumed(aws: Aws, role: str) -> Aws:
    import boto3

    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", role):
        hint = "such as arn:aws:iam::123456789012:role/surgecast-reader"
        raise InputError(f"--assume-role {role}: not the ARN of a role", hint=hint)
    with _refusals(aws, "sts", HOME, "assume_role", reads=False):
        answer = aws._client("sts", HOME).assume_role(RoleArn=role, RoleSessionName=SESSION_NAME)
    given = answer["Credentials"]
    return Aws(
        boto3.session.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
    )


def action_of(service: str, operation: str) -> str:
    """The action that IAM knows an operation by, such as ``ec2:DescribeInstances``."""
    words = (word.upper() if word == "aws" else word.capitalize() for word in operation.split("_"))
    return f"{IAM_NAMES.get(service, service)}:{''.join(words)}"


@contextmanager
def _refusals(aws: Aws, service: str, region: str, operation: str, *, reads: bool = True) -> Iterator[None]:
    """What boto3 raises, as `Refused`."""
    from botocore import exceptions as told
    from botocore.parsers import ResponseParserError

    action = action_of(service, operation)
    if reads and not operation.startswith(READS):
        raise ValueError(f"{action} may change something")
    try:
        yield
    except told.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        kind: Kind = next((kind for kind, codes in CODES.items() if code in codes), "failed")
        if service == "sts" and kind == "closed":
            kind = "no_credentials"
        raise Refused(kind, action, region, f"{code}: {_short(error.response['Error'].get('Message', ''))}") from error
    except (told.TokenRetrievalError, told.UnauthorizedSSOTokenError, told.SSOTokenLoadError) as error:
        raise Refused("expired", action, region, _short(error)) from error
    except (told.NoCredentialsError, told.PartialCredentialsError, told.CredentialRetrievalError) as error:
        raise Refused("no_credentials", action, region, _short(error)) from error
    except (told.HTTPClientError, told.ConnectionError) as error:
        where: Kind = "unreachable" if aws.knows(service, region) else "absent"
        raise Refused(where, action, region, _short(error)) from error
    except (told.BotoCoreError, ResponseParserError) as error:
        raise Refused("failed", action, region, _short(error)) from error


PAGE: Final = re.compile(r"""(b?['"])?<(!doctype|html|head|body|\?xml)\b.*""", re.IGNORECASE)
"""How a web page begins, as a proxy or a front that is down sends it in an answer's place, and all after it."""


def _short(why: object) -> str:
    """On one line, without what a terminal or a file would obey; of a web page only that it was one."""
    line = "".join(letter for letter in " ".join(str(why).split()) if letter.isprintable())
    return PAGE.sub("(a web page, no answer of AWS)", line)[:200]
