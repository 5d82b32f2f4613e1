"""Credentials of operators that others verify by themselves.

`disclosures` hides claims and finds them again, `sd_jwt` is the token they travel in: RFC 9901, Selective Disclosure for
JSON Web Tokens. Section numbers below are those of the RFC's last draft, draft-ietf-oauth-selective-disclosure-jwt-22.
"""
