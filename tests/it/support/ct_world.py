"""A CA, logs and certificates with timestamps, made forwards: the precertificate first, then the certificate that embeds
what the logs signed over it. Nothing is taken apart here. Arguments: a folder, and the world as JSON."""

import base64
import datetime
import hashlib
import json
import struct
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

folder, world = sys.argv[1], json.loads(sys.argv[2])
SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write(file, content):
    with open(f"{folder}/{file}", "wb") as out:
        out.write(content)


def spki(key):
    return key.public_key().public_bytes(DER, SPKI)


def new_key(kind="ec"):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def ca(subject, key, issuer, issuer_key):
    start = moment("2026-01-01T00:00:00Z")
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
    builder = builder.not_valid_after(start + datetime.timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    usage = dict.fromkeys("digital_signature content_commitment key_encipherment data_encipherment key_agreement "
                          "key_cert_sign crl_sign encipher_only decipher_only".split(), False)
    usage |= {"key_cert_sign": True, "crl_sign": True}
    return builder.add_extension(x509.KeyUsage(**usage), True).sign(issuer_key, hashes.SHA256())


def vector(octets, length_octets):
    return len(octets).to_bytes(length_octets, "big") + octets


class Log:
    def __init__(self, facts):
        self.key = new_key(facts.get("key", "ec"))
        self.facts = facts

    def id(self):
        return hashlib.sha256(spki(self.key)).digest()

    def timestamp(self, sct, entry):
        at = int(moment(sct["at"]).timestamp() * 1000)
        extensions = bytes.fromhex(sct.get("extensions", ""))
        signed = struct.pack(">BBQ", 0, 0, at) + entry + vector(extensions, 2)
        if sct.get("forged"):
            signed += b"!"
        if isinstance(self.key, rsa.RSAPrivateKey):
            algorithm, signature = b"\x04\x01", self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            algorithm, signature = b"\x04\x03", self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return b"\0" + self.id() + struct.pack(">Q", at) + vector(extensions, 2) + algorithm + vector(signature, 2)

    def entry(self):
        entry = {"description": self.facts["name"], "log_id": base64.b64encode(self.id()).decode(),
                 "key": base64.b64encode(spki(self.key)).decode(), "mmd": 86400,
                 "state": {self.facts["state"]: {"timestamp": self.facts["since"]}}}
        if "previous" in self.facts:
            entry["previous_operators"] = self.facts["previous"]
        return entry


logs = {facts["name"]: Log(facts) for facts in world["logs"]}
operators = {}
for log in logs.values():
    if log.facts.get("listed", True):
        operator = operators.setdefault(log.facts["operator"], {"name": log.facts["operator"], "logs": [], "tiled_logs": []})
        operator["tiled_logs" if log.facts.get("tiled") else "logs"].append(log.entry())
document = {"version": "1.0", "log_list_timestamp": world["list_at"], "operators": list(operators.values())}
write("logs.json", json.dumps(document).encode())

root_key, issuer_key = new_key(), new_key()
root = ca("CT Root", root_key, "CT Root", root_key)
issuer = ca("CT Intermediate", issuer_key, "CT Root", root_key)
pem = serialization.Encoding.PEM
write("root.pem", root.public_bytes(pem))


def tlv(tag, *contents):
    content = b"".join(contents)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def ocsp_response(certificate, scts, at):
    """Good for a week, with the timestamps in singleExtensions (RFC 6962 §3.3)."""
    algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    sha1 = lambda octets: tlv(4, hashlib.sha1(octets).digest())
    point = issuer_key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    serial = certificate.serial_number
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    identifier = tlv(0x30, tlv(0x30, bytes.fromhex("06052b0e03021a0500")), sha1(issuer.subject.public_bytes()), sha1(point),
                     tlv(2, number))
    time = lambda moment: tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
    listed = tlv(4, tlv(4, vector(b"".join(vector(sct, 2) for sct in scts), 2)))
    extensions = tlv(0xA1, tlv(0x30, tlv(0x30, bytes.fromhex("060a2b06010401d679020405"), listed)))
    single = tlv(0x30, identifier, tlv(0x80), time(at), tlv(0xA0, time(at + datetime.timedelta(days=7))), extensions)
    data = tlv(0x30, tlv(0xA1, issuer.subject.public_bytes()), time(at), tlv(0x30, single))
    signature = tlv(3, b"\0" + issuer_key.sign(data, ec.ECDSA(hashes.SHA256())))
    basic = tlv(0x30, data, algorithm, signature)
    return tlv(0x30, tlv(0x0A, b"\0"), tlv(0xA0, tlv(0x30, bytes.fromhex("06092b0601050507300101"), tlv(4, basic))))


for case in world["certificates"]:
    start = moment(case["from"])
    builder = x509.CertificateBuilder().subject_name(name(world["host"])).issuer_name(issuer.subject)
    key = new_key()
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=case["days"]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(world["host"])]), False)
    middle = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    # What the log sees has everything but the list, wherever that stands.
    first, then = (builder, middle) if case.get("list_in_the_middle") else (builder.add_extension(middle, False), None)
    complete = lambda builder: builder.add_extension(then, False) if then else builder
    precertificate = complete(first).sign(issuer_key, hashes.SHA256())
    key_hash = hashlib.sha256(spki(issuer_key)).digest()
    entry = struct.pack(">H", 1) + key_hash + vector(precertificate.tbs_certificate_bytes, 3)
    scts = [logs[sct["log"]].timestamp(sct, entry) for sct in case["scts"]]
    if scts:
        tls = vector(b"".join(vector(sct, 2) for sct in scts), 2)
        octets = bytes([4]) + (bytes([len(tls)]) if len(tls) < 128 else bytes([0x82]) + len(tls).to_bytes(2, "big")) + tls
        first = first.add_extension(x509.UnrecognizedExtension(SCT_LIST, octets), False)
    certificate = complete(first).sign(issuer_key, hashes.SHA256())
    write(case["name"] + ".pem", certificate.public_bytes(pem) + issuer.public_bytes(pem))
    private = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(case["name"] + ".key", key.private_bytes(*private))
    if "stapled" in case:
        der = certificate.public_bytes(DER)
        beside = [logs[sct["log"]].timestamp(sct, struct.pack(">H", 0) + vector(der, 3)) for sct in case["stapled"]]
        write(case["name"] + ".ocsp", ocsp_response(certificate, beside, moment(case["stapled_at"])))
    if "sent" in case:
        der = certificate.public_bytes(DER)
        sent = [logs[sct["log"]].timestamp(sct, struct.pack(">H", 0) + vector(der, 3)) for sct in case["sent"]]
        listed = vector(b"".join(vector(sct, 2) for sct in sent), 2)
        # In the ServerHello of TLS 1.2 and the Certificate message of TLS 1.3, in answer to a ClientHello that asks.
        info = struct.pack(">IH", 0x80 | 0x100 | 0x1000 | 0x40, 18) + vector(listed, 2)
        text = base64.encodebytes(info).decode()
        write(case["name"] + ".info", f"-----BEGIN SERVERINFOV2 FOR timestamps-----\n{text}-----END SERVERINFOV2 FOR timestamps-----\n".encode())
