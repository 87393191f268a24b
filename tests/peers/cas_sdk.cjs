// Drives the emulated certificate service with the official TypeScript SDK.
//
//   cas_sdk.cjs deploy HOST:PORT KEYWORD BUNDLE.pem    upload, find, create, preview, start, poll, list workers
//   cas_sdk.cjs rollback HOST:PORT JOB                 roll every worker back, poll
//
// Credentials come from the environment; CAS_SCHEME=v2 signs with the older scheme. One JSON object on stdout.

const fs = require('node:fs');
const cas = require('@alicloud/cas20200407');
const { $OpenApiUtil } = require('@alicloud/openapi-core');

const MAX_POLLS = 20;

function client(endpoint) {
  return new cas.default(new $OpenApiUtil.Config({
    accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
    accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    endpoint,
    protocol: 'http',
    signatureAlgorithm: process.env.CAS_SCHEME,
  }));
}

async function deploy(service, keyword, bundle) {
  const listed = (await service.listUserCertificateOrder(
    new cas.ListUserCertificateOrderRequest({ orderType: 'UPLOAD', keyword }))).body;
  const old = listed.certificateOrderList[0];
  const detail = async (certFilter) => (await service.getUserCertificateDetail(
    new cas.GetUserCertificateDetailRequest({ certId: old.certificateId, certFilter }))).body;
  const filtered = await detail(true);
  const whole = await detail(false);
  const upload = () => service.uploadUserCertificate(new cas.UploadUserCertificateRequest({
    name: 'mended by TypeScript (é, +, ~, *)', cert: fs.readFileSync(bundle, 'ascii'), key: whole.key,
  }));
  const fresh = (await upload()).body;
  const refused = await upload().then(() => null, (error) => error.code);
  const resources = (await service.listCloudResources(new cas.ListCloudResourcesRequest({
    cloudName: 'aliyun', keyword, certIds: [old.certificateId],
  }))).body;
  const contact = (await service.listContact(new cas.ListContactRequest({}))).body.contactList[0];
  const job = (await service.createDeploymentJob(new cas.CreateDeploymentJobRequest({
    name: 'redeploy',
    jobType: 'user',
    certIds: String(fresh.certId),
    resourceIds: resources.data.map((row) => row.id).join(','),
    contactIds: String(contact.contactId),
  }))).body.jobId;
  const counters = (await service.describeDeploymentJobStatus(
    new cas.DescribeDeploymentJobStatusRequest({ jobId: job }))).body;
  await service.updateDeploymentJobStatus(
    new cas.UpdateDeploymentJobStatusRequest({ jobId: job, status: 'pending' }));
  const statuses = [];
  while (!['success', 'error'].includes(statuses.at(-1)) && statuses.length < MAX_POLLS) {
    const described = await service.describeDeploymentJob(new cas.DescribeDeploymentJobRequest({ jobId: job }));
    statuses.push(described.body.status);
  }
  return {
    old: old.certificateId,
    new: fresh.certId,
    refused,
    filtered_key: filtered.key ?? null,
    chain: whole.certChain.map((entry) => entry.commonName),
    resources: resources.total,
    matches: counters.matchWorkerCount,
    cost: counters.costCount,
    job,
    statuses,
    workers: (await workers(service, job)).map((row) => [row.status, row.resourceCertId]),
  };
}

async function rollback(service, job) {
  for (const row of await workers(service, job)) {
    await service.updateWorkerResourceStatus(
      new cas.UpdateWorkerResourceStatusRequest({ jobId: job, workerId: row.id, status: 'rollback' }));
  }
  const statuses = [];
  do {
    statuses.push((await workers(service, job)).map((row) => row.status));
  } while (statuses.at(-1).includes('rollback') && statuses.length < MAX_POLLS);
  const described = await service.describeDeploymentJob(new cas.DescribeDeploymentJobRequest({ jobId: job }));
  return { statuses, job_rolled_back: described.body.rollback };
}

async function workers(service, jobId) {
  return (await service.listWorkerResource(new cas.ListWorkerResourceRequest({ jobId }))).body.data;
}

async function main([command, endpoint, first, second]) {
  const service = client(endpoint);
  const work = command === 'deploy' ? deploy(service, first, second) : rollback(service, Number(first));
  process.stdout.write(JSON.stringify(await work));
}

main(process.argv.slice(2));
