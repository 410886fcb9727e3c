"""A server for tests that speaks both eras of MCP: `dual.py stdio`, or `dual.py http` on a free port."""
import asyncio
import os
import subprocess
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("dual", version="1.0.0")


@server.tool()
def typed(count: int, names: list[str], deep: dict[str, Any]) -> dict[str, Any]:
    """Gives back what it got, with the types that came."""
    return {"count": count, "names": names, "deep": deep}


@server.tool()
async def slow(steps: int, pause: float, ctx: Context) -> str:
    """Takes its time and says how it goes."""
    for step in range(steps):
        await ctx.report_progress(step + 1, steps, f"step {step + 1}")
        await asyncio.sleep(pause)
    return "done"


@server.tool()
async def hang(mark: str) -> str:
    """Never ends; notes in two files that it began and that it was stopped."""
    open(mark + ".began", "w").close()
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        open(mark + ".stopped", "w").close()
        raise
    return "never"


@server.tool()
def boom() -> str:
    """Fails."""
    raise ToolError("the bad thing happened")


@server.tool()
def process() -> dict[str, Any]:
    """Says who it is, and starts a child that would outlive it."""
    child = subprocess.Popen(["sleep", "3600"])
    return {"pid": os.getpid(), "child": child.pid, "env": sorted(os.environ)}


def grown() -> str:
    """Came later."""
    return "grown"


@server.tool()
async def grow(ctx: Context) -> str:
    """Adds a tool and tells everyone."""
    server.add_tool(grown)
    # Those who asked for news in the newer era, and the session of the older one.
    await ctx.notify_tools_changed()
    await ctx.session.send_tool_list_changed()
    return "ok"


@server.tool()
def check_manifest(manifest: str) -> dict[str, Any]:
    """A validator that wants labels on everything."""
    issues = [] if "labels" in manifest else [
        {"severity": "error", "code": "no_labels", "message": "there are no labels", "path": "/steps/0", "help": "add some"}
    ]
    return {"valid": not issues, "issues": issues}


@server.tool()
def check_text(text: str) -> str:
    """A validator that only talks."""
    return f"looked at {len(text)} characters"


@server.tool()
def check_sternly(workflow: dict[str, Any]) -> str:
    """A validator that refuses by failing."""
    raise ToolError(f"{workflow['name']} is not good enough")


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=0)
