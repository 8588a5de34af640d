"""What a hostile session does, as programs for the perl that every container has.

They run inside the session's container as its user, with its token, against the mounted sockets,
and go on until they are killed.
"""

from __future__ import annotations

_COMMON = r"""
use strict; use warnings; use Socket;
$SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = 'IGNORE';
open my $file, '<', '/run/fastx/session/session.json' or die; local $/; my $json = <$file>;
my ($token) = $json =~ /"token":\s*"([^"]+)"/ or die 'no token';
sub dial {
    my ($name) = @_;
    socket my $s, PF_UNIX, SOCK_STREAM, 0 or return;
    connect $s, pack_sockaddr_un("/run/fastx/relay/$name.sock") or return;
    return $s;
}
sub say_all {
    my ($s, $what) = @_;
    my $n = syswrite $s, $what;
    return defined $n && $n == length $what;
}
sub is_open { return !defined recv $_[0], my $answer, 1, MSG_DONTWAIT }
sub letters { return join '', map { chr 97 + rand 26 } 1 .. $_[0] }
sub commands {
    return "GET /v1/commands HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n";
}
sub post {
    my ($body, $bearer, $rest) = @_;
    return "POST /v1/callbacks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $bearer\r\n"
        . ($rest // 'Content-Length: ' . length $body) . "\r\n\r\n$body";
}
sub hang_up { my ($s) = @_; sysread $s, my $answer, 4096; close $s }
sub many { my ($count) = @_; for (2 .. $count) { my $pid = fork; last if defined $pid && !$pid } }
"""

ATTACKS: dict[str, str] = {
    "callbacks": r"""many(4); my $seq = 1000 * $$;
        while (1) { my $s = dial('session') or next; $seq++;
            say_all($s, post(qq({"seq":$seq,"type":"title","title":"t$seq"}), $token));
            hang_up($s) }""",
    "replays": r"""many(4);
        while (1) { my $s = dial('session') or next;
            say_all($s, post('{"seq":1,"type":"started"}', $token)); hang_up($s) }""",
    "pipelines": r"""many(2); my $one = post('{"seq":1,"type":"started"}', $token) x 200;
        while (1) { my $s = dial('session') or next; say_all($s, $one); hang_up($s) }""",
    "enormous_bodies": r"""many(2);
        while (1) { my $s = dial('session') or next;
            say_all($s, post('', $token, 'Content-Length: 9999999999'));
            1 while say_all($s, 'x' x 65536); close $s }""",
    "endless_bodies": r"""many(2);
        while (1) { my $s = dial('session') or next;
            say_all($s, post('', $token, 'Transfer-Encoding: chunked'));
            1 while say_all($s, "ffff\r\n" . ('x' x 65535) . "\r\n"); close $s }""",
    "unread_bodies": r"""many(2);
        while (1) { my $s = dial('session') or next;
            say_all($s, "GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n");
            1 while say_all($s, 'x' x 65536); close $s }""",
    "enormous_heads": r"""many(2);
        while (1) { my $s = dial('session') or next; say_all($s, "GET / HTTP/1.1\r\n");
            1 while say_all($s, 'X: ' . ('x' x 4000) . "\r\n"); close $s }""",
    "connects": r"""many(4); while (1) { dial('session'); dial('display') }""",
    "crowd": r"""many(400); while (1) { dial('session'); dial('display') }""",
    "slow_heads": r"""my @open;
        while (1) { my $s = dial('session'); push @open, $s if $s && say_all($s, "POST /v1");
            @open = grep { is_open($_) && say_all($_, 'x') } @open if @open % 100 == 0 }""",
    "silence": r"""my @open;
        while (1) { my $s = dial('session'); push @open, $s if $s;
            @open = grep { is_open($_) } @open if @open % 100 == 0 }""",
    "forged_tokens": r"""many(4);
        while (1) { my $s = dial('session') or next;
            say_all($s, post('{"seq":1,"type":"started"}', letters(43))); hang_up($s) }""",
    "control_streams": r"""my @open;
        while (1) { my $s = dial('session') or next;
            say_all($s, commands());
            push @open, $s; shift @open if @open > 500 }""",
    "handshakes": r"""many(2); my @open;
        while (1) { my $s = dial('display') or next; say_all($s, 'FASTX-DISPLAY/1 ');
            push @open, $s; shift @open if @open > 1000 }""",
    "forged_displays": r"""many(4);
        while (1) { my $s = dial('display') or next;
            say_all($s, 'FASTX-DISPLAY/1 ' . letters(43) . ' ' . letters(24) . "\n");
            hang_up($s) }""",
    "false_displays": r"""while (1) { my $s = dial('session') or next; local $/ = "\n";
            say_all($s, commands());
            while (<$s>) { my ($stream) = /"stream": *"([^"]+)"/ or next;
                next if fork;
                my $d = dial('display') or exit; say_all($d, "FASTX-DISPLAY/1 $token $stream\n");
                say_all($d, "RFB 003.008\n\x01\x01\0\0\0\0");
                1 while say_all($d, join '', map { chr rand 256 } 1 .. 4096); exit }
            select undef, undef, undef, 0.3 }""",
    "descriptors": r"""use lib '/opt/fastx/agent/lib'; require FastX::Descriptor; my @unread;
        socket my $listening, PF_INET, SOCK_STREAM, 0 or die; listen $listening, 64 or die;
        while (1) { for my $name ('session', 'display') { my $s = dial($name) or next;
            my $pid = fork // next;
            if ($pid) { accept my $other, $listening; push @unread, $other;
                shift @unread if @unread > 8; hang_up($s); next }
            socket my $lingering, PF_INET, SOCK_STREAM, 0 or exit;
            connect $lingering, getsockname $listening or exit;
            1 while defined send $lingering, 'x' x 65536, MSG_DONTWAIT;
            setsockopt $lingering, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 3600;
            FastX::Descriptor::send($s, 'GET', $lingering); exit } }""",
    "log_bomb": r"""$| = 1; print 'x' x 1000, "\n" while 1;""",
    "fork_bomb": r"""while (1) { my $pid = fork; }""",
    "memory": r"""many(3); while (1) { my @m; push @m, 'x' x 1_000_000 for 1 .. 10_000 }""",
    "disk": r"""while (1) { for my $n (1 .. 100) { open my $f, '>', "/tmp/fill$n" or next;
            for (1 .. 200) { defined syswrite $f, 'x' x 1_000_000 or last } } }""",
}
"""Name and program."""

ON_SOCKETS = tuple(
    name for name in ATTACKS if name not in {"log_bomb", "fork_bomb", "memory", "disk"}
)


def command(name: str) -> list[str]:
    """The attack as a command for a session."""
    return ["/usr/bin/perl", "-e", _COMMON + ATTACKS[name]]
