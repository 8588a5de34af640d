package FastX::Log;

# One line to STDERR per thing that happened: what `docker logs` shows beside
# the command's own output.

use strict;
use warnings;

# A line is written in one call and never waited for: a log that nobody drains
# must not hold up a session.
sub line {
    my ($text) = @_;
    $text =~ s/[\x00-\x08\x0a-\x1f\x7f]+/ /g;
    $text = substr($text, 0, 2000) . '...' if length $text > 2000;
    utf8::encode($text) if utf8::is_utf8($text);
    syswrite STDERR, "fx-session: $text\n";
    return;
}

1;
