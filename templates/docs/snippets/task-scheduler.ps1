$run = "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File C:\jobs\backup.ps1"
$action = New-ScheduledTaskAction -Execute "powershell.exe" -Argument $run
$trigger = New-ScheduledTaskTrigger -Daily -At "03:00"
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -ExecutionTimeLimit (New-TimeSpan -Hours 2)
Register-ScheduledTask -TaskName "backup" -Action $action -Trigger $trigger -Settings $settings -User "SYSTEM"
