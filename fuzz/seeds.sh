#!/usr/bin/env bash
# Makes the first inputs of every target with openssl and python3: `fuzz/seeds.sh`, from the top of the project.
# issuer.der and subject.der belong to them: they are made once and kept, because the corpus speaks of them.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p corpus/{certificate,chain,conversation,crl,dns,files,flight,ocsp,transparency}
cat > "$work/ca.cnf" <<'C'
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
default_md = sha256
default_days = 90
default_crl_days = 30
policy = any
new_certs_dir = .
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[site]
basicConstraints = CA:FALSE
subjectAltName = DNS:www.example.com,DNS:*.example.net,IP:192.0.2.1,URI:https://example.com/,email:a@example.com
extendedKeyUsage = serverAuth,clientAuth
keyUsage = digitalSignature
authorityInfoAccess = caIssuers;URI:http://ca.example.com/ca.cer,OCSP;URI:http://ocsp.example.com/
crlDistributionPoints = URI:http://ca.example.com/ca.crl
certificatePolicies = 2.23.140.1.2.1
tlsfeature = status_request
nameConstraints = permitted;DNS:example.com,excluded;IP:192.0.2.0/255.255.255.0
[other]
C
(
    cd "$work"
    touch index.txt; echo 1000 > serial; echo 01 > crlnumber
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl ecparam -name prime256v1 -genkey -noout -out site.key
    openssl req -x509 -new -key ca.key -subj '/CN=Fuzz CA/O=Example' -days 3650 -config ca.cnf -extensions root -out ca.pem 2>/dev/null ||
        openssl req -x509 -new -key ca.key -subj '/CN=Fuzz CA/O=Example' -days 3650 -addext 'basicConstraints=critical,CA:TRUE' -out ca.pem
    openssl req -new -key site.key -subj '/CN=www.example.com' -out site.csr
    openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in site.csr -extensions site -notext -out site.pem 2>/dev/null
    openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out empty.crl 2>/dev/null
    openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -issuer ca.pem -cert site.pem -respout good.ocsp -ndays 30 > /dev/null 2>&1
    openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -revoke site.pem -crl_reason keyCompromise 2>/dev/null
    openssl ca -config ca.cnf -cert ca.pem -keyfile ca.key -gencrl -out one.crl 2>/dev/null
    openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -issuer ca.pem -cert site.pem -respout revoked.ocsp -ndays 30 > /dev/null 2>&1
    for name in empty one; do openssl crl -in $name.crl -outform DER -out $name.crl.der; done
    openssl x509 -in ca.pem -outform DER -out ca.der
    openssl x509 -in site.pem -outform DER -out site.der
    openssl crl2pkcs7 -nocrl -certfile site.pem -certfile ca.pem -outform DER -out chain.p7b
    openssl pkcs12 -export -inkey site.key -in site.pem -certfile ca.pem -passout pass:secret -iter 10 -out new.pfx
    openssl pkcs12 -export -inkey site.key -in site.pem -certfile ca.pem -passout pass:secret -iter 10 -maciter \
        -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -out old.pfx
)
cp "$work/ca.der" issuer.der
cp "$work/site.der" subject.der
cp "$work"/{ca,site}.der corpus/certificate/
cp "$work"/{empty,one}.crl.der corpus/crl/
cp "$work"/{good,revoked}.ocsp corpus/ocsp/
cp "$work"/{chain.p7b,new.pfx,old.pfx,site.pem,ca.der} corpus/files/
python3 - "$work" <<'P'
import base64, hashlib, json, struct, subprocess, sys
work = sys.argv[1]
site, ca = (open(f"{work}/{name}.der", "rb").read() for name in ("site", "ca"))
u24 = lambda n: n.to_bytes(3, "big")
chain = b"".join(u24(len(c)) + c for c in (site, ca))
open("corpus/chain/two", "wb").write(chain)
message = lambda kind, body: bytes([kind]) + u24(len(body)) + body
record = lambda kind, body: bytes([kind, 3, 3]) + struct.pack(">H", len(body)) + body
hello = message(2, b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2b\0" + b"\0\x05\xff\x01\0\x01\0")
key_exchange = message(12, b"\x03\0\x1d\x20" + bytes(32) + b"\x04\x03\0\x08" + bytes(8))
flight = hello + message(11, u24(len(chain)) + chain) + message(22, b"\x01" + u24(3) + b"\x30\x01\0") + key_exchange
flight += message(13, b"\x01\x40\0\x02\x04\x03\0\x04\0\x02\x30\0") + message(14, b"")
whole = record(22, flight[:1000]) + record(22, flight[1000:]) + record(21, b"\x02\x28")
retry = message(2, b"\x03\x03" + bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
                + b"\0\x13\x01\0" + b"\0\x0c\0\x2b\0\x02\x03\x04\0\x33\0\x02\0\x17")
for target in ("flight", "conversation"):
    open(f"corpus/{target}/tls12", "wb").write(b"\x02" + whole)
    open(f"corpus/{target}/alert", "wb").write(b"\x01" + record(21, b"\x02\x46"))
    open(f"corpus/{target}/retry", "wb").write(b"\x03" + record(22, retry))
    open(f"corpus/{target}/http", "wb").write(b"\x00HTTP/1.1 400 Bad Request\r\n\r\n")
name = lambda text: b"".join(bytes([len(l)]) + l.encode() for l in text.split(".")) + b"\0"
question = name("www.example.com") + b"\0\x01\0\x01"
cname = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c" + struct.pack(">H", len(name("cdn.example.net"))) + name("cdn.example.net")
address = name("cdn.example.net") + b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"
soa = name("example.com") + b"\0\x06\0\x01\0\0\0\x3c" + struct.pack(">H", 22) + b"\0\0" + bytes(20)
header = lambda flags, answers, authority: b"\x12\x34" + flags + struct.pack(">HHHH", 1, answers, authority, 0)
open("corpus/dns/alias", "wb").write(header(b"\x81\x80", 2, 0) + question + cname + address)
key = subprocess.run(["openssl", "pkey", "-in", f"{work}/ca.key", "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
identity = hashlib.sha256(key).digest()
timestamp = b"\0" + identity + struct.pack(">Q", 1_795_000_000_000) + b"\0\0" + b"\x04\x03\0\x08" + bytes(8)
timestamps = 2 * (struct.pack(">H", len(timestamp)) + timestamp)
open("corpus/transparency/timestamps", "wb").write(struct.pack(">H", len(timestamps)) + timestamps)
log = {"description": "Log", "log_id": base64.b64encode(identity).decode(), "key": base64.b64encode(key).decode(), "mmd": 86400}
year = {"temporal_interval": {"start_inclusive": "2026-01-01T00:00:00Z", "end_exclusive": "2027-01-01T00:00:00Z"}}
usable, retired = ({"state": {state: {"timestamp": "2026-01-01T00:00:00Z"}}} for state in ("usable", "retired"))
open("corpus/transparency/logs.json", "w").write(json.dumps({"version": "1.0", "log_list_timestamp": "2026-11-01T00:00:00Z", "operators": [
    {"name": "One", "logs": [{**log, **usable, **year, "url": "https://log.example.com/"}], "tiled_logs": []},
    {"name": "Two", "logs": [], "tiled_logs": [{**log, **retired, "monitoring_url": "https://m.example.com/"}]}]}))
open("corpus/dns/nxdomain", "wb").write(header(b"\x81\x83", 0, 1) + question + soa)
P
