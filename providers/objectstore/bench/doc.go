// Command bench measures how fast objects travel to and from an S3 on loopback,
// one large one and many small ones, beside s5cmd and rclone. All three run as
// processes, in turns, over the same files and the same server, so that what
// counts is the ratio of one run.
//
// The server is crossbatch emulate, as any program on the machine would use it.
package main
