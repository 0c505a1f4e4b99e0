"""nerdctl's verbs, answered with what a real one was recorded to say (see this package's docstring)."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from replay import looks, recordings, store
from replay.recordings import Said, said
from replay.store import Container

_FLAGS = "detach interactive privileged rm sig-proxy".split()
_VALUES = (
    "name cidfile label-file log-driver pidfile user ipc uts pid network userns memory cpus pull workdir hostname"
    " entrypoint restart gpus"
).split()
_LISTS = "env env-file ulimit volume device publish label cap-drop cap-add".split()
_BOTH = 'time="t" level=fatal msg="combination of flags -i and -d can only be specified together with -t"\n'
_SHORT = {"d": "detach", "i": "interactive", "v": "volume", "e": "env", "u": "user", "p": "publish", "w": "workdir"}


class Refused(Exception):
    """The answer is a complaint."""

    def __init__(self, answer: Said) -> None:
        super().__init__(answer)
        self.answer = answer


class Nerdctl:
    """One call. ``shapes`` is ``looks.OLD``, or empty for those of the recordings."""

    def __init__(self, address: str, namespace: str, shapes: str) -> None:
        self._address, self._namespace, self._old = address, namespace, shapes == looks.OLD
        self._data = os.path.join(os.path.dirname(address), "nerdctl")
        self._runc = ("runc", "--root", os.path.join(self._data, "runc"))
        self._daemon = socket.socket(socket.AF_UNIX)

    def reach(self, words: Sequence[str]) -> None:
        """Raises Refused where there is no daemon."""
        try:
            self._daemon.connect(self._address)
        except FileNotFoundError:
            case = "version-unreachable" if words[0] == "version" else "look-unreachable"
            known = {"/srv/recorded/gone.sock": self._address}
            raise Refused(said(case, "version" if words[0] == "version" else "inspect", instead=known)) from None
        except ConnectionRefusedError:
            one = said(
                "look-down", "inspect", instead={"/srv/recorded/containerd.sock": self._address, "3 errors": "1 errors"}
            )
            raise Refused(recordings.several(one, [recordings.message(one).split("\\n")[0]])) from None

    # containers

    def run(self, words: Sequence[str]) -> Said:
        """``run``: the container's id, or with no ``--detach`` its output and exit code."""
        asked = _asked(words)
        if asked.detach and asked.interactive:
            raise Refused(Said(1, err=_BOTH))
        if asked.image not in self.images(()).out.split():
            raise Refused(said("start-noimage", "run", instead={"localhost/none:1": asked.image}))
        container = self._made(asked)
        from replay import shim  # here: most calls do without it

        news = os.fdopen(shim.begin(container, self._runc, asked.log_driver, not asked.detach), encoding="utf-8")
        told = json.loads(news.readline() or '{"error": "its shim died"}')
        if "error" in told:
            answer = said("start-nocommand", "run", container.name, container.id)
            reason = f"failed to create shim task: OCI runtime create failed: {told['error']}: unknown"
            container.put("error", error=reason)
            lead = answer.err.partition("msg=")[0]
            raise Refused(answer._replace(err=f"{lead}msg={json.dumps(reason)}\n"))
        if asked.pidfile:
            _write(asked.pidfile, str(told["pid"]))
        if asked.detach:
            return Said(0, f"{container.id}\n")
        # A daemon that goes away ends the command, not the job.
        ready = select.select([news, self._daemon], [], [])[0]
        if news not in ready:
            raise Refused(said("start-cut", "run"))
        code = json.loads(news.readline())["code"]
        if asked.rm:
            self._remove(container)
        return Said(code)

    def _made(self, asked: SimpleNamespace) -> Container:
        new = os.urandom(32).hex()
        if asked.cidfile:
            _write(asked.cidfile, new)
        labels = list(asked.label)
        if asked.label_file:
            with open(asked.label_file, encoding="utf-8") as file:
                labels += file.read().splitlines()
        command = [*([asked.entrypoint] if asked.entrypoint else []), *(asked.command or [])] or ["sh"]
        about = {
            "name": asked.name or f"busybox-{new[:5]}",
            "image": asked.image,
            "command": command,
            "labels": dict(each.split("=", 1) for each in labels if each),
            "created": time.time(),
            "cidfile": asked.cidfile or "",
        }
        try:
            container = store.add(self._data, new, **about)
        except store.Clash as other:
            raise Refused(said("start-clash", "run", about["name"], str(other))) from None
        from replay import bundle

        bundle.make(self._data, container, asked, self._namespace)
        return container

    def pause(self, words: Sequence[str]) -> Said:
        """``pause``, of one."""
        container = self._known("pause-unknown", "pause", words[-1])
        wrong = {"paused": "pause-paused", "exited": "pause-ended"}.get(container.status)
        return self._freeze(container, "pause", wrong)

    def unpause(self, words: Sequence[str]) -> Said:
        """``unpause``, of one."""
        container = self._known("pause-unknown", "pause", words[-1])
        return self._freeze(container, "unpause", None if container.status == "paused" else "unpause-running")

    def _freeze(self, container: Container, verb: str, wrong: str | None) -> Said:
        if wrong:
            raise self._refused(container, said(wrong, verb, container.name, container.id))
        self._call("pause" if verb == "pause" else "resume", container.id)
        container.pause(verb == "pause")
        return said(verb, verb, container.name, container.id)

    def kill(self, words: Sequence[str]) -> Said:
        """``kill``, of one; a paused one that is killed ends."""
        name = next((word.partition("=")[2] for word in words if word.startswith("--signal=")), "SIGKILL")
        container = self._known("kill-unknown", "kill", words[-1])
        if container.status in ("", "exited"):
            case = "kill-ended" if container.status else "kill-created"
            raise self._refused(container, said(case, "kill", container.name, container.id))
        self._call("kill", container.id, str(int(signal.Signals[name])))
        if container.paused and name == "SIGKILL":
            self._call("resume", container.id)
        return said("kill", "kill", container.name, container.id)

    def _refused(self, container: Container, answer: Said) -> Refused:
        """A refusal, which nerdctl keeps as the container's error."""
        container.put("error", error=recordings.message(answer))
        return Refused(answer)

    def _known(self, case: str, verb: str, word: str) -> Container:
        found = store.find(self._data, word)
        if found is None:
            raise Refused(said(case, verb, word))
        return found

    def rm(self, words: Sequence[str]) -> Said:
        """``rm``: the known ones go, the others are told of; by force that is no failure."""
        force = "--force" in words or "-f" in words
        gone, left = [], []
        for word in (word for word in words if not word.startswith("-")):
            container = store.find(self._data, word)
            if container is None:
                left.append(
                    (word, said("remove-unknown" if force else "look-unknown", "rm" if force else "inspect", word))
                )
            elif container.status in ("running", "paused") and not force:
                status = {"running status": f"{container.status} status"}
                answer = said("remove-running", "rm", container.name, container.id, status)
                left.append((word, self._refused(container, answer).answer))
            else:
                self._remove(container)
                gone.append(word)
        err = recordings.several(left[0][1], [recordings.message(each) for _, each in left]).err if left else ""
        return Said(int(bool(left) and not force), "".join(f"{word}\n" for word in gone), err)

    def _remove(self, container: Container) -> None:
        self._call("delete", "--force", container.id)
        container.remove()

    def _call(self, *words: str) -> None:
        runc = os.posix_spawnp(self._runc[0], [*self._runc, *words], os.environ)
        os.waitpid(runc, 0)

    # looks

    def container(self, words: Sequence[str]) -> Said:
        """``container inspect``: nothing of any where one is unknown."""
        names = words[1:]
        asked = [store.find(self._data, name) for name in names]
        found = [looks.inspected(each, self._old) for each in asked if each]
        unknown = [name for name, each in zip(names, asked) if each is None]
        err = ""
        if unknown:
            one = said("look-unknown", "inspect", unknown[0])
            err = recordings.several(
                one, [recordings.message(said("look-unknown", "inspect", each)) for each in unknown]
            ).err
        if self._old:
            return Said(int(bool(unknown)), "".join(_text([each]) for each in found), err)
        return Said(1, "", err) if unknown else Said(0, _text(found))

    def ps(self, words: Sequence[str]) -> Said:
        """``ps``, all or the running ones: JSON lines, ids, or ids and names."""
        found = store.everything(self._data)
        if not {"-a", "-aq", "--all"} & set(words):
            found = [each for each in found if each.status in ("running", "paused")]
        for word in words:
            if word.startswith("--filter=label="):
                key, _, value = word[len("--filter=label=") :].partition("=")
                found = [each for each in found if each.about["labels"].get(key) == value]
        if "json" in words:
            return Said(0, "".join(f"{json.dumps(looks.listed(each), separators=(',', ':'))}\n" for each in found))
        if {"-q", "-aq"} & set(words):
            return Said(0, "".join(f"{each.id}\n" for each in found))
        return Said(0, "".join(f"{each.id} {each.name}\n" for each in found))

    def images(self, words: Sequence[str]) -> Said:
        """``images``: the one there is."""
        return said("categories", "images")

    def image(self, words: Sequence[str]) -> Said:
        """``image inspect``, of an id."""
        if words[-1] in self.images(()).out.split():
            return said("has-image", "inspect", container=os.urandom(32).hex())
        raise Refused(said("has-no-image", "inspect", instead={"localhost/none:1": words[-1]}))

    def pull(self, words: Sequence[str]) -> Said:
        """``pull`` of what is not there, in the words of a start without it: there is no registry."""
        raise Refused(said("start-noimage", "run", instead={"localhost/none:1": words[-1]}))

    def version(self, words: Sequence[str]) -> Said:
        """``version``, of client and daemon."""
        return said("version", "version", instead={"<unknown>": f"{recordings.VERSION}-replay"})


def _asked(words: Sequence[str]) -> SimpleNamespace:
    """``run``'s words. Raises Refused for a flag that it has not."""
    asked: dict[str, Any] = {**dict.fromkeys(_FLAGS, False), **dict.fromkeys(_VALUES)}
    asked.update({name: [] for name in _LISTS})
    left = list(words)
    while left[0].startswith("-"):
        word, given, value = left.pop(0).partition("=")
        name = _SHORT.get(word[1:], word[2:])
        if name not in asked:
            raise Refused(said("start-badoption", "run", instead={"--no-such-option": word}))
        if name in _FLAGS:
            asked[name] = value != "false"
            continue
        value = value if given else left.pop(0)
        if name in _LISTS:
            asked[name].append(value)
        else:
            asked[name] = value
    found = {name.replace("-", "_"): value for name, value in asked.items()}
    return SimpleNamespace(**found, image=left[0], command=left[1:])


def _text(found: list[dict[str, Any]]) -> str:
    """As nerdctl prints an array."""
    return json.dumps(found, indent=4, ensure_ascii=False) + "\n"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main(shapes: str) -> int:
    """The whole program; its exit code."""
    given = {"--address": os.environ.get("CONTAINERD_ADDRESS"), "--namespace": os.environ.get("CONTAINERD_NAMESPACE")}
    words = sys.argv[1:]
    while words[0] in given:
        given[words[0]], words = words[1], words[2:]
    call = Nerdctl(given["--address"] or "/run/containerd/containerd.sock", given["--namespace"] or "default", shapes)
    try:
        call.reach(words)
        verb: Callable[[Sequence[str]], Said] = getattr(call, words[0])
        answer = verb(words[1:])
    except Refused as refused:
        answer = refused.answer
    sys.stdout.write(answer.out)
    sys.stderr.write(answer.err)
    return answer.code
