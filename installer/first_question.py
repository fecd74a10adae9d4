"""After the stack is up: wait for the chat model, ask it about itself, and say how to go on."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.base import clock
from appliance.base.errors import ApplianceError, SetupError, Unavailable
from appliance.base.secret_files import Secret, read_secret
from installer.admin_client import AdminClient, Refused
from installer.chat_client import CHAT_MODEL, ChatClient, ChatRefused, Message, Reply
from installer.services import Stack, public_url
from installer.steps import Say, Step
from installer.waiting import wait_until

QUESTION = "What is Thousand Sails?"
LOOK_SECONDS = 2.0
MARGIN_SECONDS = 120.0
FAILURE_SECONDS = 20.0
FAILED = "failed"
SERVING = "serving"
NOT_FOUND = "not_found"
HINT = "See `appliance serve list`, `appliance logs reconciler` and `appliance logs ray`."
WAITING_HELPS = frozenset({401, 404, 429, 502, 503, 504})
"""Until the first snapshot is written the gateway knows neither key nor model; until an engine is ready it says 503."""


@dataclass(frozen=True)
class FirstReply:
    question: str
    reply: Reply


def chat_client(stack: Stack) -> ChatClient:
    return ChatClient(
        public_url(stack),
        api_key=read_secret(stack.home, Secret.FIRST_API_KEY),
        verify=stack.settings.http.tls_certificate is None,
    )


def chat_ready_step(stack: Stack) -> Step:
    """Nothing to wait for where the admin stopped or removed that model, or the box was told to start without it."""
    readiness = ChatReadiness(stack)

    def is_done() -> bool:
        return not is_wanted(stack) or readiness.is_ready()

    return Step("chat", f"Model {CHAT_MODEL} answers", is_done=is_done, apply=readiness.wait)


def is_wanted(stack: Stack) -> bool:
    """Whether the bundled chat model is to be served here; the control plane knows."""
    try:
        with AdminClient(stack.home, timeout_seconds=5.0) as api:
            served = api.get(f"/served-models/{CHAT_MODEL}")
    except Refused as refused:
        if refused.error_code == NOT_FOUND:
            return False
        raise
    return served["desired_state"] == SERVING and int(served["desired_replicas"]) > 0


class ChatReadiness:
    """Ready is what answers: one token, asked through the public port, with the first API key."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.looked_at = 0.0
        self.failed_since: float | None = None

    def is_ready(self) -> bool:
        """Raises ChatRefused for a refusal that no waiting will mend."""
        message: Message = {"role": "user", "content": "Hello"}
        try:
            chat_client(self.stack).ask([message], model=CHAT_MODEL, on_text=lambda _: None, max_tokens=1)
        except Unavailable:
            return False
        except ChatRefused as refused:
            if refused.http_status in WAITING_HELPS:
                return False
            raise
        return True

    def wait(self, say: Say) -> None:
        seconds = self.stack.settings.engines.start_timeout_seconds + MARGIN_SECONDS

        def is_ready() -> bool:
            if clock.monotonic() - self.looked_at > LOOK_SECONDS:
                self.looked_at = clock.monotonic()
                say(self.state())
            return self.is_ready()

        wait_until(is_ready, seconds=seconds, what=f"the model {CHAT_MODEL} to answer", hint=HINT)

    def state(self) -> str:
        """What the control plane says about the model; raises SetupError once it has failed for a while."""
        try:
            with AdminClient(self.stack.home, timeout_seconds=5.0) as api:
                served = api.get(f"/served-models/{CHAT_MODEL}")
        except ApplianceError as error:
            return error.message
        reason = served.get("observed_reason") or str(served["observed_state"])
        self.give_up_on_failure(str(served["observed_state"]), reason=reason)
        return reason

    def give_up_on_failure(self, state: str, *, reason: str) -> None:
        """A model that failed is tried again by itself, so one look says little; a failure that stays is the answer."""
        if state != FAILED:
            self.failed_since = None
            return
        self.failed_since = self.failed_since or clock.monotonic()
        if clock.monotonic() - self.failed_since > FAILURE_SECONDS:
            raise SetupError(f"The model {CHAT_MODEL} does not start: {reason}", hint=HINT)


def ask_first_question(stack: Stack, *, on_text: Callable[[str], None]) -> FirstReply:
    message: Message = {"role": "user", "content": QUESTION}
    reply = chat_client(stack).ask([message], model=CHAT_MODEL, on_text=on_text)
    if not reply.text.strip():
        raise SetupError("The model answered with nothing.", hint="See `appliance logs ray`.")
    return FirstReply(QUESTION, reply)


def curl_line(stack: Stack) -> str:
    """Works as pasted: the key is read from its file, never shown."""
    key_file = stack.home.secrets / Secret.FIRST_API_KEY.value
    insecure = "-k " if stack.settings.http.tls_certificate else ""
    body = f'{{"model": "{CHAT_MODEL}", "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}'
    return (
        f"curl -s {insecure}{public_url(stack)}/v1/chat/completions "
        f"-H \"Authorization: Bearer $(cat '{key_file}')\" "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
