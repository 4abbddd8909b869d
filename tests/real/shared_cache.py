"""Gets tokens as a Python program does whose cache is persistent, and prints each as one line of JSON.

HOME says where the cache is, AZURE_CLIENT_SECRET the secret, REQUESTS_CA_BUNDLE whom to trust. With --seconds it goes
on for so long, and a {} in the scope counts up. A token that was not got is a line too, with the reason.
"""

import argparse
import itertools
import json
import os
import time

from azure.identity import ClientSecretCredential, TokenCachePersistenceOptions


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ["--authority", "--tenant", "--client", "--scope"]:
        parser.add_argument(name, required=True)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--cae", action="store_true")
    options = parser.parse_args()

    credential = ClientSecretCredential(
        options.tenant,
        options.client,
        os.environ["AZURE_CLIENT_SECRET"],
        authority=options.authority,
        disable_instance_discovery=True,
        cache_persistence_options=TokenCachePersistenceOptions(allow_unencrypted_storage=True),
    )
    end = time.monotonic() + options.seconds
    for number in itertools.count():
        try:
            token = credential.get_token(options.scope.replace("{}", str(number)), enable_cae=options.cae)
            line = {"token": token.token, "expires_on": token.expires_on}
        except Exception as error:
            line = {"error": repr(error)}
        print(json.dumps(line), flush=True)
        if time.monotonic() >= end:
            break


if __name__ == "__main__":
    main()
