"""Trust in certificates: certification paths, CRLs and OCSP (RFC 5280, 6960), with pyhanko-certvalidator."""
