"""Does as a Python program does in which people sign in, with a persistent cache, and prints one line of JSON.

    sign-in   with a device code, and writes the record of it
    token     silently, as the account of the record; "silent" is false where Python would ask somebody
    sign-out  as MSAL does it, since azure-identity cannot
    accounts  that MSAL knows

HOME says where the cache is, REQUESTS_CA_BUNDLE whom to trust.
"""

import argparse
import json

from azure.identity import (
    AuthenticationRecord,
    AuthenticationRequiredError,
    DeviceCodeCredential,
    TokenCachePersistenceOptions,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["sign-in", "token", "sign-out", "accounts"])
    for name in ["--authority", "--client", "--record"]:
        parser.add_argument(name, required=True)
    parser.add_argument("--scope", default="https://vault.example/.default")
    parser.add_argument("--tenant")
    parser.add_argument("--cae", action="store_true")
    options = parser.parse_args()

    if options.what == "sign-in":
        more = {"authority": options.authority, **({"tenant_id": options.tenant} if options.tenant else {})}
    else:
        with open(options.record, encoding="utf-8") as file:
            record = json.load(file)
        # A bare host, which Python takes for the scheme of an address where a port follows, its own record's too.
        record["authority"] = "https://" + record["authority"].removeprefix("https://")
        more = {"authentication_record": AuthenticationRecord.deserialize(json.dumps(record))}
    credential = DeviceCodeCredential(
        options.client,
        disable_instance_discovery=True,
        disable_automatic_authentication=True,
        cache_persistence_options=TokenCachePersistenceOptions(allow_unencrypted_storage=True),
        prompt_callback=lambda *_: None,
        **more,
    )
    if options.what == "sign-in":
        record = credential.authenticate(scopes=[options.scope], enable_cae=options.cae)
        with open(options.record, "w", encoding="utf-8") as file:
            file.write(record.serialize())
        line = {"username": record.username}
    elif options.what == "token":
        try:
            token = credential.get_token(options.scope, enable_cae=options.cae)
            line = {"silent": True, "token": token.token}
        except AuthenticationRequiredError:
            line = {"silent": False}
    else:
        # Private, but azure-identity is pinned.
        app = credential._get_app(enable_cae=options.cae)
        if options.what == "sign-out":
            for account in app.get_accounts():
                app.remove_account(account)
        line = {"accounts": [account["username"] for account in app.get_accounts()]}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
