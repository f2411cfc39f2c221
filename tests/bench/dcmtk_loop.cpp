// DCMTK's signature module, driven over standard input, so that its cost is measured without process start-up.
//
//     dcmtk_loop KEY CERTIFICATE        (PEM files; the certificate is also the only trust anchor)
//
// Each line "operation TAB input TAB output" is answered by "wall-ms CPU-ms ok|failed". Operations: verify, sign, and
// signsave, which also writes the output file. Loading the whole file into memory is part of every operation, since
// the module works on nothing else.

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmsign/dcsighlp.h>
#include <dcmtk/dcmsign/dcsignat.h>
#include <dcmtk/dcmsign/sicert.h>
#include <dcmtk/dcmsign/sicertvf.h>
#include <dcmtk/dcmsign/simdmac.h>
#include <dcmtk/dcmsign/sinullpr.h>
#include <dcmtk/dcmsign/siprivat.h>

#include <openssl/x509.h>

#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

namespace {

double milliseconds(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

struct Identity {
    SiPrivateKey key;
    SiCertificate certificate;
    SiCertificateVerifier verifier;

    bool load(const char* keyFile, const char* certificateFile) {
        return key.loadPrivateKey(keyFile, X509_FILETYPE_PEM).good() &&
               certificate.loadCertificate(certificateFile, X509_FILETYPE_PEM).good() &&
               verifier.addTrustedCertificateFile(certificateFile, X509_FILETYPE_PEM).good();
    }
};

bool sign(DcmFileFormat& file, Identity& identity) {
    DcmDataset* dataset = file.getDataset();
    E_TransferSyntax syntax = dataset->getOriginalXfer();
    if (syntax == EXS_LittleEndianImplicit || syntax == EXS_BigEndianExplicit) {
        syntax = EXS_LittleEndianExplicit;  // the MAC needs explicit VR little endian
    }
    SiMDMAC mac(EMT_SHA256);
    SiNullProfile everything;
    return DcmSignatureHelper::do_sign(dataset, identity.key, identity.certificate, &mac, &everything, nullptr, syntax,
                                       nullptr, SiSignaturePurpose::ESP_none) == 0;
}

bool save(DcmFileFormat& file, const std::string& output) {
    const E_TransferSyntax syntax = file.getDataset()->getOriginalXfer();
    file.getDataset()->chooseRepresentation(syntax, nullptr);
    return file.saveFile(output.c_str(), syntax, EET_ExplicitLength, EGL_recalcGL, EPD_noChange).good();
}

bool perform(const std::string& operation, const std::string& input, const std::string& output, Identity& identity) {
    DcmFileFormat file;
    if (file.loadFile(input.c_str()).bad() || file.loadAllDataIntoMemory().bad()) {
        return false;
    }
    if (operation == "verify") {
        return DcmSignatureHelper::do_verify(file.getDataset(), identity.verifier, ESVP_requireSignature,
                                             ETVP_verifyTSIfPresent) == 0;
    }
    if (operation == "sign") {
        return sign(file, identity);
    }
    return operation == "signsave" && sign(file, identity) && save(file, output);
}

}  // namespace

int main(int argc, char** argv) {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DcmSignature::initializeLibrary();
    Identity identity;
    if (argc != 3 || !identity.load(argv[1], argv[2])) {
        std::cerr << "usage: dcmtk_loop KEY CERTIFICATE (readable PEM files)\n";
        return 2;
    }
    std::cout << std::fixed << std::setprecision(4);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream fields(line);
        std::string operation, input, output;
        std::getline(fields, operation, '\t');
        std::getline(fields, input, '\t');
        std::getline(fields, output, '\t');
        const double wall = milliseconds(CLOCK_MONOTONIC);
        const double cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
        const bool ok = perform(operation, input, output, identity);  // memory is given back in this time, too
        std::cout << milliseconds(CLOCK_MONOTONIC) - wall << ' ' << milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
                  << (ok ? " ok" : " failed") << std::endl;
    }
    return 0;
}
