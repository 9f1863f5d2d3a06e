// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The listening socket: systemd's when it gave one (sd_listen_fds(3)), else one made at `path`. Minus the errno when
/// there is none.
int listen_socket(const char *path);
