"""What schemathesis has to know of the city: half of the time things that are there, and who calls.

MUARA_KNOWN is a JSON object: `path` (values by the name of a parameter), `cookie`, `csrf`, `token` (a desk's), `app_secret` (Meta's).
"""

import hashlib
import hmac
import json
import os
import random

import schemathesis

KNOWN = json.loads(os.environ["MUARA_KNOWN"])
DICE = random.Random(int(os.environ["MUARA_SEED"]))


@schemathesis.hook
def before_call(ctx, case, kwargs):
    for name, values in KNOWN["path"].items():
        if values and name in case.path_parameters and DICE.random() < 0.5:
            case.path_parameters[name] = DICE.choice(values)
    if KNOWN.get("cookie"):
        case.headers["Cookie"] = KNOWN["cookie"]
    if case.path.startswith("/api/") and DICE.random() < 0.9:
        case.headers["Authorization"] = f"Bearer {KNOWN.get('token', '')}"
    if isinstance(case.body, dict) and KNOWN.get("csrf") and DICE.random() < 0.9:
        case.body["csrf"] = KNOWN["csrf"]
    # The answer itself is looked at, not the page that it leads to.
    kwargs["allow_redirects"] = False
    if KNOWN.get("app_secret") and case.method.upper() == "POST":
        kwargs["auth"] = signed


def signed(request):
    """Signs the very bytes that go out, as Meta does."""
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    if isinstance(body, bytes):
        request.headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(KNOWN["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    return request
