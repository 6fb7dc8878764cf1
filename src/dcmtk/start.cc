/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/association.h"

#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmnet/dcompat.h"
#include "dcmtk/dcmnet/dul.h"
#include "dcmtk/oflog/oflog.h"

#include <csignal>

enum err dcmtk_start(void)
{
    static bool started;
    if (started) {
        return ERR_OK;
    }
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    signal(SIGPIPE, SIG_IGN);
    dcmDisableGethostbyaddr.set(OFTrue); /* a reverse look-up can take half a minute, and nobody asks for it */
    if (!dcmDataDict.isDictionaryLoaded()) {
        return ERR_SYSTEM;
    }
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    enum err err = networks_start();
    started = err == ERR_OK;
    return err;
}
