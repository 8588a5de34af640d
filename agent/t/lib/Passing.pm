package Passing;

# The other end of FastX::Descriptor: recvmsg(2) by its number.

use strict;
use warnings;

use Exporter 'import';
use POSIX ();

our @EXPORT_OK = qw(passed_to);

my %RECVMSG = (x86_64 => 47, aarch64 => 212);

# What was said on a socket, and the handle that came with it.
sub passed_to {
    my ($socket) = @_;
    my $number  = $RECVMSG{ (POSIX::uname())[4] } or die "recvmsg has no number here\n";
    my ($line, $rights) = ("\0" x 256, "\0" x 24);
    my $content = pack 'P Q', $line, length $line;
    my $message = pack 'Q L x4 P Q P Q l x4', 0, 0, $content, 1, $rights, length $rights, 0;
    my $count = syscall $number, fileno($socket) + 0, $message, 0;
    return undef if $count < 0;
    my ($size, undef, undef, $descriptor) = unpack 'Q l l l', $rights;
    my $handle;
    open $handle, '+<&=', $descriptor or die "$!\n" if $size;
    return (substr($line, 0, $count), $handle);
}

1;
