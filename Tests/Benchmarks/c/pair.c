// SPDX-License-Identifier: Apache-2.0
//
// Asks two servers in turns, so that what the machine does meanwhile meets both alike.
//
//   pair ROUNDS SOCKET REQUEST-FILE [OTHER-SOCKET REQUEST-FILE [GREETING-FILE]]
//
// With a greeting the other server speaks first, and answers the greeting: QMP does.

#define _GNU_SOURCE
#include "lines.h"

int main(int argc, char **argv)
{
    if (argc < 4)
        return fprintf(stderr, "usage: pair ROUNDS SOCKET REQUEST-FILE [SOCKET REQUEST-FILE [GREETING-FILE]]\n"), 2;
    unsigned rounds = (unsigned)strtoul(argv[1], NULL, 10), warming = rounds / 10 + 1;
    char *line = line_buffer();
    int ours = connect_to(argv[2]), theirs = argc > 5 ? connect_to(argv[4]) : -1;
    struct text our_request = contents_of(argv[3]), their_request = {0};
    if (theirs >= 0)
        their_request = contents_of(argv[5]);
    if (argc > 6) {
        struct text greeting = contents_of(argv[6]);
        read_line(theirs, line);
        write_all(theirs, greeting.bytes, greeting.length);
        read_line(theirs, line);
    }
    struct samples our_samples = {0}, their_samples = {0};
    for (unsigned i = 0; i < rounds + warming; i++) {
        double start = now();
        write_all(ours, our_request.bytes, our_request.length);
        read_line(ours, line);
        double middle = now();
        if (theirs >= 0) {
            write_all(theirs, their_request.bytes, their_request.length);
            read_line(theirs, line);
        }
        double end = now();
        if (i < warming)
            continue;
        add(&our_samples, middle - start);
        if (theirs >= 0)
            add(&their_samples, end - middle);
    }
    printf("{");
    print_samples("ours", &our_samples);
    if (theirs >= 0) {
        printf(",");
        print_samples("theirs", &their_samples);
    }
    printf("}\n");
    return 0;
}
