/* SPDX-License-Identifier: MIT */
#include "tests/unit/dcmtk/peer.h"

START_TEST(echo_goes_through_the_front_door_and_comes_back)
{
    struct server server;
    server_start(&server, serve_echo, &usual);
    for (int i = 0; i < 20; i++) {
        echo_once(front_door_port(server.door));
    }
    server_await(&server, 20);
    server_stop(&server);
}
END_TEST

UNIT_MAIN(echo_goes_through_the_front_door_and_comes_back)
