"""The webhook subscriptions a system should have for us, against those it has (`connector webhooks`).

A subscription is ours when its address begins with our own (`PUBLIC_URL/webhooks/NAME/`); all others are left alone.
Where the system makes the signing secrets, each is written to the configuration's `secrets_file` before anything else
is done: a secret that was lost on the way is made anew by the next `sync`, because the subscription is then there and
its secret is not.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from connector.config.doorways import read_secrets
from connector.config.model import Config, Webhook
from connector.errors import ConfigError, Unsupported
from connector.system import AccountingSystem, Door, ManagesWebhooks, Subscription

BEFORE = "before:"
"""How the line of a subscription's last secret begins: what was signed with it may still be under way."""


class Step(NamedTuple):
    """One thing to do, or (`keep`, `foreign`) to leave. `subscription` is what is there, else what is wanted."""

    action: str
    """`create`, `change`, `renew_secret`, `remove`, `keep` or `foreign`."""
    subscription: Subscription
    why: str
    wanted: Subscription | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is done at all."""
        return self.action not in ("keep", "foreign")


@dataclass(frozen=True, slots=True)
class SubscriptionKeeper:
    """The subscriptions of one connection."""

    connection: str
    system: ManagesWebhooks
    door: Door
    secrets_file: Path | None

    def plan(self, *, rotate: bool = False) -> list[Step]:
        """What `sync` would do. `rotate`: also new secrets, or our credentials once more, for what is right already."""
        there = list(self.system.subscriptions())
        ours = [one for one in there if one.url.startswith(self.door.prefix)]
        steps = []
        kept: set[str] = set()
        for wanted in self.system.wanted_subscriptions(self.door):
            same = [one for one in ours if one.topic == wanted.topic]
            steps.append(self._step(wanted, same[0] if same else None, rotate=rotate))
            kept.update(one.remote_id for one in same[:1])
        for one in there:
            if one.remote_id in kept:
                continue
            if one in ours:
                steps.append(Step("remove", one, "ours, and not needed (any more)"))
            else:
                steps.append(Step("foreign", one, "leads to another address"))
        return steps

    def sync(self, *, rotate: bool = False) -> Iterator[Step]:
        """Do it, one step after the other; each is given once it is done. Raises what the system raises; running it
        again goes on from there."""
        for step in self.plan(rotate=rotate):
            self._do(step)
            yield step
        self._forget_removed()

    def _step(self, wanted: Subscription, there: Subscription | None, *, rotate: bool) -> Step:
        if there is None:
            return Step("create", wanted, "there is none", wanted)
        why = _difference(wanted, there)
        if why is not None:
            return Step("change", there, why, wanted)
        if self.system.gives_secrets and not self._has_secret(there.remote_id):
            return Step("renew_secret", there, "its secret is not in the secrets_file", wanted)
        if rotate:
            action = "renew_secret" if self.system.gives_secrets else "change"
            return Step(action, there, "asked for by --rotate", wanted)
        return Step("keep", there, "as it should be", wanted)

    def _do(self, step: Step) -> None:
        if step.action == "remove":
            self.system.unsubscribe(step.subscription.remote_id)
        if step.wanted is None:
            return
        if step.action == "create":
            made = self.system.subscribe(step.wanted, self.door)
            if made.secret is not None:
                self._remember(made.remote_id, made.secret)
        elif step.action == "change":
            remote_id = step.subscription.remote_id
            self.system.change_subscription(remote_id, step.wanted, self.door)
            if self.system.gives_secrets and not self._has_secret(remote_id):
                self._renew(remote_id)
        elif step.action == "renew_secret":
            self._renew(step.subscription.remote_id)

    # -- the file of secrets --------------------------------------------------------------------------------------

    def _lines(self) -> list[tuple[str, str]]:
        if self.secrets_file is None:
            return []
        return [(one, secret.reveal()) for one, secret in read_secrets(self.secrets_file)]

    def _has_secret(self, remote_id: str) -> bool:
        return any(one == remote_id for one, _ in self._lines())

    def _renew(self, remote_id: str) -> None:
        """The secret there is becomes the one before, first: were we cut off after the system made the new one, the
        next `sync` must see that it is missing."""
        before = [(BEFORE + one, secret) for one, secret in self._lines() if one == remote_id]
        others = [line for line in self._lines() if line[0] not in (remote_id, BEFORE + remote_id)]
        if before:
            self._write([*others, *before])
        self._remember(remote_id, self.system.renew_secret(remote_id))

    def _remember(self, remote_id: str, secret: str) -> None:
        self._write([(remote_id, secret), *self._lines()])

    def _forget_removed(self) -> None:
        if self.secrets_file is None:
            return
        there = {one.remote_id for one in self.system.subscriptions()}
        lines = self._lines()
        kept = [line for line in lines if line[0].removeprefix(BEFORE) in there]
        if kept != lines:
            self._write(kept)

    def _write(self, lines: Sequence[tuple[str, str]]) -> None:
        """Replace the file as a whole, readable by its owner alone; a crash leaves the old one or the new one."""
        if self.secrets_file is None:
            raise ConfigError(
                f"[connections.{self.connection}.webhook] names no `secrets_file`, so the secret that was made is lost.",
                remedy="Add it, and run `connector webhooks sync` again.",
            )
        folder = self.secrets_file.parent
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{self.secrets_file.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(
                    "# Signing secrets of webhook subscriptions, by `connector webhooks sync`.\n"
                )
                file.writelines(f"{remote_id} {secret}\n" for remote_id, secret in lines)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.secrets_file)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def keeper_of(config: Config, connection: str, system: AccountingSystem) -> SubscriptionKeeper:
    """The keeper of a connection. Raises Unsupported where the system's subscriptions cannot be managed, ConfigError
    where the configuration does not say where events are to come in."""
    if not isinstance(system, ManagesWebhooks):
        raise Unsupported(f"{connection}: {system.name} has no webhook subscriptions of ours.")
    where = f"[connections.{connection}.webhook]"
    webhook = config.connections[connection].webhook
    if webhook is None:
        raise ConfigError(
            f"{where} is missing, so events of {connection} have no door.",
            remedy="docs/connect-monite.md and docs/connect-finexio.md show one.",
        )
    if config.server.public_url is None:
        raise ConfigError(
            "`server.public_url` is not set, so no system could reach this connector.",
            remedy="Set it to the address that the world has for it.",
        )
    if system.gives_secrets and webhook.secrets_file is None:
        raise ConfigError(
            f"{where} names no `secrets_file`, and {system.name} makes the secrets itself.",
            remedy=f'Add secrets_file = "{connection}-webhook.secrets".',
        )
    return SubscriptionKeeper(
        connection,
        system,
        _door(config.server.public_url, connection, webhook),
        webhook.secrets_file,
    )


def _door(public_url: str, connection: str, webhook: Webhook) -> Door:
    basic = webhook.basic
    return Door(
        prefix=f"{public_url}/webhooks/{connection}/",
        path_secret=webhook.path_secrets[0].reveal(),
        username=basic.username if basic else None,
        password=basic.passwords[0].reveal() if basic else None,
    )


def _difference(wanted: Subscription, there: Subscription) -> str | None:
    if not there.enabled:
        return "it is switched off"
    if there.url != wanted.url:
        return "it leads to an older secret address"
    changed = [name for name, value in wanted.options.items() if there.options.get(name) != value]
    return f"other {', '.join(sorted(changed))}" if changed else None
