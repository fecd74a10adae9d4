"""Stored responses of `POST /v1/responses`: what `previous_response_id` and `GET /v1/responses/{id}` read.

Called by gateways only, in the name of the API key that asks: everything is seen by its project alone. It generates
nothing and calls no engine.
"""
