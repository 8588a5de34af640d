# A command that brings a window manager is told by its names.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::DesktopCommand;
use Relay 'scratch';

my $folder = scratch();
sub script { my ($name, $text) = @_; open my $out, '>', "$folder/$name" or die; print $out $text; close $out; chmod 0755, "$folder/$name"; return }
script(desk => "#!/bin/sh\n# a desk\nexport A=b\nexec dbus-launch --exit-with-session startxfce4\n");
script(mixed => "#!/bin/sh\nLANG=C /usr/bin/openbox --sm-disable &\nexec gimp\n");
script(plain => "#!/bin/sh\n# not startxfce4\ncase \$x in openbox) ;; esac\necho 'no xfwm4 here'\nexec gimp\n");
script(binary => "\x7fELF\nstartxfce4\n");
sub is_one { return FastX::DesktopCommand::is_one($_[0], "/nowhere:$folder") }

ok is_one($_), ref $_ ? "@$_" : $_ for 'startxfce4', '/usr/bin/xfce4-session', 'exec mate-session', ['startplasma-x11'], 'dbus-run-session -- gnome-session',
    'openbox --sm-disable & xterm', 'icewm-session', 'fvwm3', 'matchbox-window-manager -use_titlebar no & exec gimp', 'xfwm4;thunar', 'kwin_x11',
    [ 'sh', '-c', 'matchbox-window-manager & exec "$@"', 'sh', 'xterm' ], 'desk', "$folder/desk", 'env A=b desk', 'mixed';
ok !is_one($_), ref $_ ? "@$_" : $_ for 'xterm', 'xterm -e vi wm.txt', 'dbus-run-session firefox', 'browser-session --no-sandbox', '/opt/matlab/bin/matlab -desktop',
    ['glxgears'], 'plain', 'binary', 'gimp --session', 'nowhere/startx-like';
done_testing;
