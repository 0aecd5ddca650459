"""What becomes of a value that an entry point of the package returned.

A console script's result is an exit code. What `[tool.flavor]` names may also be the factory of an application, which is served, or a
function whose answer people want to see. The start of a package imports this module only for such values.

Applications are served by the first server that the package has; nothing is looked for outside the package. gunicorn reads no
`gunicorn.conf.py` of whatever folder the program is started in.
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import Any, Tuple, Union

ExitCode = Union[None, int, str]


def finish(value: Any) -> ExitCode:
    """Serves an application, waits for a coroutine, prints any other value; answers with what `sys.exit` takes."""
    if inspect.iscoroutine(value):
        import asyncio

        value = asyncio.run(value)
    if value is None or isinstance(value, (int, str)):
        return value
    if _is_asgi(value):
        return _serve_asgi(value)
    if _is_wsgi(value):
        return _serve_wsgi(value)
    print(value)
    return 0


def _is_asgi(value: Any) -> bool:
    if not callable(value) or inspect.isclass(value):
        return False
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__)


def _is_wsgi(value: Any) -> bool:
    if not callable(value) or inspect.isclass(value):
        return False
    try:
        inspect.signature(value).bind({}, None)
    except (TypeError, ValueError):
        return False
    return True


def _address() -> Tuple[str, int]:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or int(text) > 65535:
        raise SystemExit("PORT is not the number of a port: %r" % text)
    return os.environ.get("HOST") or "127.0.0.1", int(text)


def _serve_wsgi(application: Any) -> ExitCode:
    host, port = _address()
    try:
        from gunicorn.app import base
    except ImportError:
        pass
    else:
        return _gunicorn(base, application, host, port)
    try:
        from waitress import serve
    except ImportError:
        return _wsgiref(application, host, port)
    serve(application, host=host, port=port)
    return None


def _gunicorn(base: Any, application: Any, host: str, port: int) -> ExitCode:
    class Served(base.Application):  # type: ignore[misc, name-defined]
        def init(self, parser: Any, options: Any, arguments: Any) -> Any:
            if arguments:
                parser.error("unexpected argument: %s" % arguments[0])
            return {"bind": ["[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)]}

        def load(self) -> Any:
            return application

    base.get_default_config_file = lambda: None
    Served("%(prog)s [OPTIONS]").run()
    return None


def _wsgiref(application: Any, host: str, port: int) -> ExitCode:
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    with make_server(host, port, application, server_class=Server) as server:
        print("serving at http://%s:%d (for many users, add gunicorn to the dependencies)" % (host, server.server_port), file=sys.stderr)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return None


def _serve_asgi(application: Any) -> ExitCode:
    host, port = _address()
    try:
        import uvicorn
    except ImportError:
        pass
    else:
        uvicorn.run(application, host=host, port=port)
        return None
    try:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config
    except ImportError:
        return "an ASGI application needs a server: add uvicorn or hypercorn to the dependencies"
    import asyncio

    config = Config()
    config.bind = ["[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)]
    asyncio.run(serve(application, config))
    return None
