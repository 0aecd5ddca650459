

# Added by flavor. OpenSSL looks for certificate authorities where its builder had them; distributions that keep them
# elsewhere leave it without any, and every connection fails. Then, unless the user said something else, it is told the
# first usual place that exists.
def _flavor_certificates():
    import os

    file_variable, file, folder_variable, folder = _ssl.get_default_verify_paths()
    if file_variable in os.environ or folder_variable in os.environ or os.path.exists(file):
        return
    try:
        with os.scandir(folder) as entries:
            # Names such as 4042bcee.0: what OpenSSL finds in a folder.
            if any(len(entry.name) == 10 and entry.name[8:] == ".0" for entry in entries):
                return
    except OSError:
        pass
    for place in (
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/ca-bundle.pem",
    ):
        if os.path.exists(place):
            os.environ[file_variable] = place
            return


_flavor_certificates()
del _flavor_certificates
