# An X client for images that have none: opens a window, and prints what becomes of it.
#
# usage: perl x_window.pl WIDTHxHEIGHT TITLE [TYPE]
#
# TYPE is of EWMH (NORMAL, DIALOG, DOCK ...). Prints "at X Y WIDTH HEIGHT" for each change, of which a
# window manager tells in the root window's coordinates; ends when the display does.
use strict;
use warnings;

use lib '/opt/fastx/agent/lib';
use FastX::Xauthority;
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);

use constant { ATOM => 4, STRING => 31, WM_NAME => 39, STRUCTURE_NOTIFY => 0x20000, CONFIGURE_NOTIFY => 22 };

my ($geometry, $title, $type) = @ARGV;
my ($width, $height) = split /x/, $geometry;
my ($number) = $ENV{DISPLAY} =~ /:([0-9]+)/;
my $cookie = FastX::Xauthority::cookie($ENV{XAUTHORITY});
socket my $x, AF_UNIX, SOCK_STREAM, 0 or die $!;
connect $x, pack_sockaddr_un("/tmp/.X11-unix/X$number") or die $!;

sub receive {
    my ($count) = @_;
    my $bytes = '';
    while (length $bytes < $count) {
        sysread $x, $bytes, $count - length $bytes, length $bytes or exit;
    }
    return $bytes;
}

sub request { syswrite $x, $_[0]; return }

sub atom {
    my ($name) = @_;
    request(pack 'C x S S x2 a*', 16, 2 + int((3 + length $name) / 4), length $name, $name . "\0" x (-length($name) % 4));
    return unpack 'x8 L', receive(32);
}

sub change_property {
    my ($window, $property, $kind, $format, $bytes) = @_;
    my $count = length($bytes) * 8 / $format;
    $bytes .= "\0" x (-length($bytes) % 4);
    return request(pack 'C x S L L L C x3 L a*', 18, 6 + length($bytes) / 4, $window, $property, $kind, $format, $count, $bytes);
}

request(pack 'a1 x S S S S x2 a20 a*', pack('S', 1) eq "\1\0" ? 'l' : 'B', 11, 0, 18, length $cookie, 'MIT-MAGIC-COOKIE-1', $cookie);
my $head = receive(8);
die "refused\n" if unpack('C', $head) != 1;
my $setup = receive(4 * unpack 'x6 S', $head);
my ($window, $vendor, $formats) = unpack 'x4 L x8 S x3 C', $setup;
my $root = unpack 'x' . (32 + $vendor + -$vendor % 4 + 8 * $formats) . ' L', $setup;

# White, and told of its changes.
request(pack 'C x S L L S S S S S S L L L L', 1, 10, $window, $root, 10, 20, $width, $height, 0, 1, 0, 0x802, 0xffffff, STRUCTURE_NOTIFY);
change_property($window, WM_NAME, STRING, 8, $title);
change_property($window, atom('_NET_WM_WINDOW_TYPE'), ATOM, 32, pack 'L', atom("_NET_WM_WINDOW_TYPE_$type")) if $type;
request(pack 'C x S L', 8, 2, $window);
$| = 1;
print "mapped\n";
while (1) {
    my ($code, @place) = unpack 'C x15 s s S S', receive(32);
    print "at @place\n" if ($code & 0x7f) == CONFIGURE_NOTIFY;
}
