"""Drives the emulated certificate service with the official Python SDK.

  cas_sdk.py deploy HOST:PORT KEYWORD BUNDLE.pem    upload, find, create, preview, start, poll, list workers
  cas_sdk.py rollback HOST:PORT JOB                 roll every worker back, poll

Credentials come from the environment; CAS_SCHEME=v2 signs with the older scheme. One JSON object on stdout.
"""

import json
import os
import sys

from alibabacloud_cas20200407 import models
from alibabacloud_cas20200407.client import Client
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

MAX_POLLS = 20


def client(endpoint):
    return Client(
        Config(
            access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            endpoint=endpoint,
            protocol="http",
            signature_algorithm=os.environ.get("CAS_SCHEME"),
        )
    )


def deploy(service, keyword, bundle):
    listed = service.list_user_certificate_order(
        models.ListUserCertificateOrderRequest(order_type="UPLOAD", keyword=keyword)
    ).body
    old = listed.certificate_order_list[0]
    filtered = service.get_user_certificate_detail(
        models.GetUserCertificateDetailRequest(cert_id=old.certificate_id, cert_filter=True)
    ).body
    whole = service.get_user_certificate_detail(
        models.GetUserCertificateDetailRequest(cert_id=old.certificate_id, cert_filter=False)
    ).body
    with open(bundle, encoding="ascii") as file:
        pem = file.read()
    upload = models.UploadUserCertificateRequest(name="mended by Python (é, +, ~, *)", cert=pem, key=whole.key)
    new = service.upload_user_certificate(upload).body
    try:
        service.upload_user_certificate(upload)
        refused = None
    except TeaException as error:
        refused = error.code
    resources = service.list_cloud_resources(
        models.ListCloudResourcesRequest(cloud_name="aliyun", keyword=keyword, cert_ids=[old.certificate_id])
    ).body
    contact = service.list_contact(models.ListContactRequest()).body.contact_list[0]
    job = service.create_deployment_job(
        models.CreateDeploymentJobRequest(
            name="redeploy",
            job_type="user",
            cert_ids=str(new.cert_id),
            resource_ids=",".join(str(row.id) for row in resources.data),
            contact_ids=str(contact.contact_id),
        )
    ).body.job_id
    counters = service.describe_deployment_job_status(models.DescribeDeploymentJobStatusRequest(job_id=job)).body
    service.update_deployment_job_status(models.UpdateDeploymentJobStatusRequest(job_id=job, status="pending"))
    statuses = []
    while not statuses or (statuses[-1] not in ("success", "error") and len(statuses) < MAX_POLLS):
        described = service.describe_deployment_job(models.DescribeDeploymentJobRequest(job_id=job)).body
        statuses.append(described.status)
    return {
        "old": old.certificate_id,
        "new": new.cert_id,
        "refused": refused,
        "filtered_key": filtered.key,
        "chain": [entry.common_name for entry in whole.cert_chain],
        "resources": resources.total,
        "matches": counters.match_worker_count,
        "cost": counters.cost_count,
        "job": job,
        "statuses": statuses,
        "workers": [(row.status, row.resource_cert_id) for row in workers(service, job)],
    }


def rollback(service, job):
    for row in workers(service, job):
        service.update_worker_resource_status(
            models.UpdateWorkerResourceStatusRequest(job_id=job, worker_id=row.id, status="rollback")
        )
    statuses = []
    while not statuses or ("rollback" in statuses[-1] and len(statuses) < MAX_POLLS):
        statuses.append([row.status for row in workers(service, job)])
    described = service.describe_deployment_job(models.DescribeDeploymentJobRequest(job_id=job)).body
    return {"statuses": statuses, "job_rolled_back": described.rollback}


def workers(service, job):
    return service.list_worker_resource(models.ListWorkerResourceRequest(job_id=job)).body.data


if __name__ == "__main__":
    service = client(sys.argv[2])
    if sys.argv[1] == "deploy":
        result = deploy(service, sys.argv[3], sys.argv[4])
    else:
        result = rollback(service, int(sys.argv[3]))
    json.dump(result, sys.stdout)
