"""Signs recorded requests again with the signing code of the official Python SDK.

A JSON list on stdin: {"method", "path", "query": {}, "form": {}, "headers": {}, "hash"}; on stdout what Authorization (ACS3) or
Signature (older scheme, when "headers" is empty) should have been. Credentials come from the environment.
"""

import json
import os
import sys

from alibabacloud_tea_openapi.utils import Utils
from Tea.request import TeaRequest

KEY_ID = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
SECRET = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]


def signed(recorded):
    if not recorded["headers"]:
        parameters = {**recorded["query"], **recorded["form"]}
        parameters.pop("Signature", None)
        return Utils.get_rpcsignature(parameters, recorded["method"], SECRET)
    request = TeaRequest()
    request.method = recorded["method"]
    request.pathname = recorded["path"]
    request.query = recorded["query"]
    request.headers = recorded["headers"]
    return Utils.get_authorization(request, "ACS3-HMAC-SHA256", recorded["hash"], KEY_ID, SECRET)


json.dump([signed(recorded) for recorded in json.load(sys.stdin)], sys.stdout)
