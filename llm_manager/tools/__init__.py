"""Making tools: out of functions, out of JSON schemas, out of MCP servers; and a manager as an MCP server.

Belongs here: how a tool is described, how its arguments are read and how it is called. Does not: when it is called, which
is `orchestration.calling_tools`' business. What is large to import (jsonschema, mcp) is imported by the function that needs it.
"""
