"""The health check of both services in their containers: GET /livez on the loopback interface, with TLS if it is on.

`python -IS healthcheck.py PORT`: exit code 0 for a 200. The service calls itself, so no name is verified; it presents
its own certificate where TLS_CLIENT_CA asks for one.
"""

import http.client
import os
import ssl
import sys


def main(port: int) -> int:
    """The exit code."""
    certificate, connection = os.environ.get("TLS_CERT"), http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(certificate, os.environ["TLS_KEY"])
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=3, context=context)
    connection.request("GET", "/livez")
    return 0 if connection.getresponse().status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
