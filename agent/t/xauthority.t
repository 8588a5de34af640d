# The cookie file is what libXau reads, and nobody else's to read.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Xauthority;
use Relay 'scratch';

my $file = scratch() . '/Xauthority';
for (1 .. 2) {
    FastX::Xauthority::write($file);
    open my $in, '<:raw', $file or die; local $/; my $bytes = <$in>;
    my ($family, $address, $number, $name, $key) = unpack 'n n/a* n/a* n/a* n/a*', $bytes;
    is "$family/$address/$number/$name", '65535///MIT-MAGIC-COOKIE-1', 'one entry for every address and display';
    is length $key, 16, 'a key of 16 bytes';
    is length $bytes, 2 + 2 + 2 + 2 + 18 + 2 + 16, 'nothing else';
    is sprintf('%o', (stat $file)[2] & 07777), '600', 'private';
}
SKIP: {
    skip 'no xauth', 1 if !grep { -x "$_/xauth" } split /:/, $ENV{PATH};
    like `xauth -f $file list`, qr/MIT-MAGIC-COOKIE-1/, 'xauth reads it';
}
done_testing;
