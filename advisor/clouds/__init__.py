"""Reading a cloud account: frozen values, an excuse for whatever could not be read, and nothing is ever changed.

    login(profile, role) ─► Aws ─┬─► read_account ─► Account ─► today, beside an advice
                                 └─► look_up ─► Market ─► catalogue file

Only `advisor.clouds.aws` imports boto3, and only when an account is named.
"""
