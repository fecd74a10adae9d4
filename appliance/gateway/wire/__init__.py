"""What each public path speaks: how a request is read, which path of the engine it goes to, how the answer comes back.

Called by the gateway's byte path. It opens no connection to an engine and chooses none; what passes unchanged it does
not touch, what has another shape (Anthropic's messages, OpenAI's responses) it turns into chat completions and back.
"""
