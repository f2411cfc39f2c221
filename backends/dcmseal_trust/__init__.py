"""Trust in signers' certificates: paths to anchors, CRLs and OCSP (RFC 5280, 6960), with pyhanko-certvalidator."""
